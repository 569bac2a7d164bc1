package tpm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-tpm/tpm2"
)

var (
	// ErrReserved says that a register belongs to somebody whose log would no longer replay if we extended it.
	ErrReserved = errors.New("register is not ours to extend")
	// ErrBanks says that digests were not given for exactly the active banks: a bank left behind would
	// hold another history than the others, and a digest for an inactive one is silently dropped by the TPM (Part 3, 22.2).
	ErrBanks = errors.New("digests do not fit the active PCR banks")
)

// ActiveBanks lists the banks (TPM_ALG_ID, ascending) in which a register is allocated. Firmware may have switched on banks
// that are never quoted, SHA-1 among them; whoever extends must still extend them all.
func (d *Device) ActiveBanks(ctx context.Context, pcr uint) ([]uint16, error) {
	return run(ctx, d, "list PCR banks", func(l line) ([]uint16, error) { return activeBanks(l, pcr) })
}

// ReadPCR reads one register, a value for each active bank. The values are unsigned.
func (d *Device) ReadPCR(ctx context.Context, pcr uint) (map[uint16][]byte, error) {
	return run(ctx, d, "read PCR", func(l line) (map[uint16][]byte, error) {
		banks, err := activeBanks(l, pcr)
		if err != nil {
			return nil, err
		}
		out := make(map[uint16][]byte, len(banks))
		for _, bank := range banks {
			v, err := readPCRs(l, bank, []uint{pcr})
			if err != nil {
				return nil, err
			}
			out[bank] = v[pcr]
		}
		return out, nil
	})
}

// ExtendPCR extends one register by a digest for each active bank. Registers with another owner are refused with ErrReserved.
// When the error is the context's or the transport's nobody knows whether the TPM carried the command out: the
// caller must read the register before it extends again. A command that the TPM put off (TPM_RC_RETRY) was not begun.
func (d *Device) ExtendPCR(ctx context.Context, pcr uint, digests map[uint16][]byte) error {
	if owner := owner(pcr); owner != "" {
		return fmt.Errorf("tpm extend: PCR %d: %s: %w", pcr, owner, ErrReserved)
	}
	_, err := run(ctx, d, "extend", func(l line) (struct{}, error) { return struct{}{}, extend(l, pcr, digests) })
	return err
}

// owner names who extends a register, "" for those that a program may use (PC Client Platform Firmware Profile, "PCR Usage").
func owner(pcr uint) string {
	switch {
	case pcr <= 7:
		return "extended by the firmware, its boot log explains it"
	case pcr == 10:
		return "extended by the kernel's IMA, its measurement list explains it"
	case pcr >= 17 && pcr <= 22:
		return "extended by a dynamic launch"
	case pcr >= MaxPCR:
		return "does not exist"
	}
	return ""
}

func extend(l line, pcr uint, digests map[uint16][]byte) error {
	banks, err := activeBanks(l, pcr)
	if err != nil {
		return err
	}
	if given := slices.Sorted(maps.Keys(digests)); !slices.Equal(given, banks) {
		return fmt.Errorf("PCR %d: digests for %s, active are %s: %w", pcr, hexBanks(given), hexBanks(banks), ErrBanks)
	}
	var list []tpm2.TPMTHA
	for _, bank := range banks {
		h, err := tpm2.TPMIAlgHash(bank).Hash()
		if err != nil || len(digests[bank]) != h.Size() {
			return fmt.Errorf("PCR %d: digest of %d bytes for bank %s: %w", pcr, len(digests[bank]), hex16(bank), ErrBanks)
		}
		list = append(list, tpm2.TPMTHA{HashAlg: tpm2.TPMAlgID(bank), Digest: digests[bank]})
	}
	register := tpm2.TPMHandle(pcr)
	_, err = tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: register, Name: tpm2.HandleName(register), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: list},
	}.Execute(l)
	if err != nil {
		return fmt.Errorf("PCR %d: %w", pcr, err)
	}
	return nil
}

func activeBanks(l line, pcr uint) ([]uint16, error) {
	all, err := allocation(l)
	if err != nil {
		return nil, err
	}
	var out []uint16
	for _, b := range all {
		if slices.Contains(bits(b.PCRSelect), pcr) {
			out = append(out, uint16(b.Hash))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("PCR %d: %w", pcr, ErrNoBank)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func hexBanks(banks []uint16) string {
	out := make([]string, len(banks))
	for i, b := range banks {
		out[i] = hex16(b)
	}
	return fmt.Sprint(out)
}
