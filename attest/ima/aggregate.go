package ima

import (
	"bytes"
	"errors"
	"fmt"
)

var (
	// ErrNoAggregate says that the list does not begin with a boot_aggregate.
	ErrNoAggregate = errors.New("no boot_aggregate")
	// ErrAggregateBank says that the registers at hand cannot judge the boot_aggregate: another bank, or one missing.
	ErrAggregateBank = errors.New("boot_aggregate cannot be judged with these registers")
	// ErrAggregate says that IMA began over other boot registers than these.
	ErrAggregate = errors.New("boot_aggregate is not of these registers")
)

// BootAggregate returns the digest of the list's first entry, in which the kernel
// recorded the boot registers. The list must be read from its beginning.
func (l *List) BootAggregate() (Digest, error) {
	if l.From.Entries != 0 || len(l.Entries) == 0 {
		return Digest{}, fmt.Errorf("ima: the list's beginning is not here: %w", ErrNoAggregate)
	}
	e := l.Entries[0]
	if e.PCR != PCR || !e.Understood || e.Violation || e.Digest.Verity || e.Path != BootAggregateName {
		return Digest{}, fmt.Errorf("ima: first entry: %w", ErrNoAggregate)
	}
	return e.Digest, nil
}

// CheckBootAggregate compares a boot_aggregate with the registers of a bank
// (TPM_ALG_ID) by index: a hash over PCRs 0 to 9 with the bank's algorithm
// (ima_crypto.c, ima_calc_boot_aggregate_tfm), or 0 to 7 before kernel 5.8. PCRs 8 and 9
// must not have moved since IMA began. The kernel reads the bank of its own hash (ima_hash=),
// which need not be the quoted one: ErrAggregateBank.
//
// It ties the list to this boot's firmware registers; replay already ties it to register 10.
func CheckBootAggregate(d Digest, bank uint16, pcrs map[uint][]byte) error {
	b := Bank{Alg: bank}
	n := b.size()
	if n == 0 || d.Alg != map[uint16]string{SHA256: "sha256", SHA384: "sha384"}[bank] || len(d.Value) != n {
		return fmt.Errorf("ima: %.16s over bank %#04x: %w", d.Alg, bank, ErrAggregateBank)
	}
	var all []byte
	for i := range uint(10) {
		if len(pcrs[i]) != n {
			return fmt.Errorf("ima: register %d of %d bytes: %w", i, len(pcrs[i]), ErrAggregateBank)
		}
		all = append(all, pcrs[i]...)
	}
	sum := make([]byte, n)
	for _, count := range []int{10, 8} {
		if b.sum(sum, all[:count*n]); bytes.Equal(sum, d.Value) {
			return nil
		}
	}
	return fmt.Errorf("ima: %x: %w", d.Value, ErrAggregate)
}
