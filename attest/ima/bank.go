package ima

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
)

// TPM_ALG_IDs (TCG Algorithm Registry) of the banks replayed here.
const (
	SHA256 = uint16(0x000b)
	SHA384 = uint16(0x000c)
)

var (
	// ErrBank says that a bank is not replayed here, or a state is not one of its bank.
	ErrBank = errors.New("not a bank of this replay")
	// ErrHidden says that entries are hidden, which only the SHA-256 bank bears.
	ErrHidden = errors.New("hidden entries replay in the SHA-256 bank only")
)

// Bank says how the kernel extends a register bank.
type Bank struct {
	Alg uint16
	// Padded: the bank takes the SHA-1 template hash, padded with zeros, because the kernel
	// could not allocate the bank's algorithm ("ima: Can not allocate sha384"; seen for
	// SHA-384 on Debian 12) or is older than 5.8. Such a replay binds the data by
	// SHA-1 alone: whoever chooses files can make two with one hash.
	Padded bool
}

func (b Bank) size() int {
	switch b.Alg {
	case SHA256:
		return sha256.Size
	case SHA384:
		return sha512.Size384
	}
	return 0
}

// extend adds one record to the register (TPM 2.0 Library Specification, Part 3, 22.2).
func (b Bank) extend(register []byte, r record, in *hashInput) error {
	n := b.size()
	var buf [2 * sha512.Size384]byte
	both := buf[:2*n]
	copy(both, register)
	digest := both[n:]
	switch {
	case r.violation():
		for i := range digest {
			digest[i] = 0xff
		}
	case r.hidden():
		if b != (Bank{Alg: SHA256}) {
			return fmt.Errorf("bank %#04x: %w", b.Alg, ErrHidden)
		}
		copy(digest, r.data[:n])
	case b.Padded:
		copy(digest, r.hash)
	default:
		b.sum(digest, in.bytes(r))
	}
	b.sum(register, both)
	return nil
}

func (b Bank) sum(dst, data []byte) {
	if b.Alg == SHA384 {
		h := sha512.Sum384(data)
		copy(dst, h[:])
		return
	}
	h := sha256.Sum256(data)
	copy(dst, h[:])
}
