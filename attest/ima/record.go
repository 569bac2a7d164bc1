package ima

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrMalformed says that bytes are not a little-endian measurement list.
	ErrMalformed = errors.New("not a measurement list")
	// ErrLimit says that a record, or the number of them, is over a limit of this package.
	ErrLimit = errors.New("over a limit")

	errCut = errors.New("the part ends within this record") // never leaves the package
)

// record is one framed entry, as slices of the part.
type record struct {
	pcr  uint32
	hash []byte // template hash, SHA-1
	name []byte
	data []byte // as framed; for "ima": digest, length and name
	size int
}

const (
	nameIMA    = "ima"
	nameHidden = "hallmark-digest"
)

// next reads the framing of the first record of b; errCut where b ends within it.
func next(b []byte) (record, error) {
	if len(b) < headerSize {
		return record{}, errCut
	}
	r := record{pcr: binary.LittleEndian.Uint32(b), hash: b[4:24]}
	if r.pcr >= maxPCR {
		return r, fmt.Errorf("PCR %d: %w (big-endian?)", r.pcr, ErrMalformed)
	}
	n := binary.LittleEndian.Uint32(b[24:])
	if n == 0 {
		return r, fmt.Errorf("template name of 0 bytes: %w", ErrMalformed)
	}
	if n > MaxName {
		return r, fmt.Errorf("template name of %d bytes, limit %d: %w", n, MaxName, ErrLimit)
	}
	rest := b[headerSize:]
	if uint32(len(rest)) < n {
		return r, errCut
	}
	r.name, rest = rest[:n], rest[n:]
	prefix := 4
	if string(r.name) == nameIMA {
		prefix = 20 + 4 // the digest has no length, the name has
	}
	if len(rest) < prefix {
		return r, errCut
	}
	m := binary.LittleEndian.Uint32(rest[prefix-4:])
	if m > MaxData {
		return r, fmt.Errorf("template data of %d bytes, limit %d: %w", m, MaxData, ErrLimit)
	}
	if prefix > 4 && m > maxFixedName {
		return r, fmt.Errorf("name of %d bytes in template ima: %w", m, ErrMalformed) // the hash would not cover its end
	}
	if uint32(len(rest)-prefix) < m {
		return r, errCut
	}
	if prefix == 4 {
		r.data = rest[4 : 4+m]
	} else {
		r.data = rest[:prefix+int(m)]
	}
	r.size = headerSize + int(n) + prefix + int(m)
	return r, nil
}

func (r record) hidden() bool { return string(r.name) == nameHidden }

// violation reports whether the kernel could not measure and spoilt the register
// on purpose (Documentation/ABI/testing/ima_policy; ima_main.c, ima_rdwr_violation_check).
func (r record) violation() bool { return !r.hidden() && zero(r.hash) }

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
