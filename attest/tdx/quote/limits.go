package quote

import "errors"

const (
	// MaxSize bounds a quote as received. Real ones have 5,006 bytes, or 8,000 with the padding of one cloud.
	MaxSize = 16 << 10
	// MaxChain bounds the PEM text of three certificates.
	MaxChain = 12 << 10
)

var (
	// ErrMalformed says that the bytes are not a TDX quote of version 4 or 5.
	ErrMalformed = errors.New("not a TDX quote")
	// ErrTail says that bytes follow the signed data which are not zero. Nobody signed them.
	ErrTail = errors.New("bytes behind the signed data")
	// ErrSignature says that the chain or one of the signatures does not verify.
	ErrSignature = errors.New("signature not valid")
	// ErrUnsupported says that the quote was not judged: its chain is of a kind we do not know how to follow.
	ErrUnsupported = errors.New("not supported")
	// ErrValidity says that chain and signatures verify, but not at the time asked about.
	ErrValidity = errors.New("not valid at that time")
)
