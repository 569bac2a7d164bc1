package runlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// ErrForeign says that the register is not what this log makes it: somebody else
// extended it, or our log of this boot is lost or damaged. The log takes no
// further event in this boot, and whoever writes it is to say so aloud.
var ErrForeign = errors.New("the register was extended by somebody else, or this boot's log is lost; no further event is recorded in this boot")

// Register is the TPM register that events are extended into.
type Register interface {
	// Read returns the value in every active bank, by TPM_ALG_ID.
	Read(ctx context.Context) (map[uint16][]byte, error)
	// Extend extends each bank with its digest in one TPM command, so that banks
	// never differ in the events they hold (TPM 2.0 Library Specification, Part 3, 22.2). After an
	// error nobody knows whether it happened; the log reads and decides.
	Extend(ctx context.Context, digests map[uint16][]byte) error
}

// values are a register's values by bank, of the banks this package knows.
type values map[uint16][]byte

// readRegister drops banks this package has no hash for: they are not extended, and no quote uses them.
func readRegister(ctx context.Context, r Register) (values, error) {
	all, err := r.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("runlog: read the register: %w", err)
	}
	v := values{}
	for bank, value := range all {
		h, ok := bankHash(bank)
		if !ok {
			continue
		}
		if len(value) != h.Size() {
			return nil, fmt.Errorf("runlog: register of %d bytes in bank %#04x: %w", len(value), bank, ErrBank)
		}
		v[bank] = value
	}
	if len(v) == 0 {
		return nil, fmt.Errorf("runlog: no active bank: %w", ErrBank)
	}
	return v, nil
}

func (v values) zero() bool { return v.equal(v.reset()) }

// reset is the value of the same banks after a boot.
func (v values) reset() values {
	z := values{}
	for bank, value := range v {
		z[bank] = make([]byte, len(value))
	}
	return z
}

// equal also demands the same banks: none appears or goes within a boot.
func (v values) equal(w values) bool {
	if len(v) != len(w) {
		return false
	}
	for bank, value := range v {
		if !bytes.Equal(value, w[bank]) {
			return false
		}
	}
	return true
}

// extended is v after one extension; false where a bank has no digest.
func (v values) extended(digests map[uint16][]byte) (values, bool) {
	w := values{}
	for bank, value := range v {
		h, _ := bankHash(bank)
		if digests[bank] == nil {
			return nil, false
		}
		w[bank] = sum(h, value, digests[bank])
	}
	return w, true
}
