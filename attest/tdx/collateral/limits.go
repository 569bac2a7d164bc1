package collateral

import "errors"

// Limits, bytes unless stated. TCB infos have 3 to 30 KB, Intel's largest CRL some 100 KB.
const (
	MaxFile     = 8 << 20
	MaxTCBInfo  = 512 << 10
	MaxIdentity = 64 << 10
	MaxChain    = 16 << 10
	MaxCRL      = 2 << 20
	MaxFiles    = 1024 // elements of a directory, and sets made of them

	maxDepth      = 8   // of JSON
	maxLevels     = 256 // elements
	maxModules    = 64
	maxAdvisories = 256
)

var (
	// ErrMalformed says that a file does not have the form it should have.
	ErrMalformed = errors.New("malformed")
	// ErrSignature says that a part is not signed by Intel, or by whoever owns the roots.
	ErrSignature = errors.New("signature not valid")
	// ErrRevoked says that the certificate that signed TCB info or QE identity is revoked.
	ErrRevoked = errors.New("signer revoked")
	// ErrForeign says that the collateral is for other hardware than the quote's.
	ErrForeign = errors.New("for another platform")
)
