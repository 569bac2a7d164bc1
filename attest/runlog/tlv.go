package runlog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrMalformed says that bytes are not records of this log, in their one encoding.
	ErrMalformed = errors.New("not a runtime log")
	// ErrLimit says that something is over a limit of this package.
	ErrLimit = errors.New("over a limit")

	errCut = errors.New("the part ends within this record") // never leaves the package
)

// Types of the TLVs of a record (TCG Canonical Event Log Format v1, "TLV encoding").
const (
	tlvNumber  = 0
	tlvPCR     = 1
	tlvDigests = 3
	// ContentType is the type of our content.
	ContentType = 200

	tlvHeader = 1 + 4
)

func appendTLV(b []byte, typ byte, value []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, typ), uint32(len(value)))
	return append(b, value...)
}

// takeTLV reads a TLV of this type and of min to limit bytes from the front of b; errCut where b ends within it.
func takeTLV(b []byte, typ byte, least, limit int) (value, rest []byte, err error) {
	if len(b) > 0 && b[0] != typ {
		return nil, nil, fmt.Errorf("TLV of type %d in place of %d: %w", b[0], typ, ErrMalformed)
	}
	if len(b) < tlvHeader {
		return nil, nil, errCut
	}
	n := binary.BigEndian.Uint32(b[1:])
	if n < uint32(least) || n > uint32(limit) {
		return nil, nil, fmt.Errorf("TLV of type %d with %d bytes, %d to %d: %w", typ, n, least, limit, ErrMalformed)
	}
	if rest = b[tlvHeader:]; uint32(len(rest)) < n {
		return nil, nil, errCut
	}
	return rest[:n], rest[n:], nil
}
