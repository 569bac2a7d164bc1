package tpm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"
)

// ErrNoBank says that the TPM keeps no bank that we quote.
var ErrNoBank = errors.New("no active SHA-256 or SHA-384 PCR bank: enable one in the firmware setup (tpm2_pcrallocate)")

// Selection is what every quote covers: the registers of the boot chain and of IMA, without those that software
// may reset (16 and 23) or that belong to dynamic launch.
func Selection() []uint {
	s := make([]uint, 16)
	for i := range s {
		s[i] = uint(i)
	}
	return s
}

// chooseBank picks the first of SHA-256 and SHA-384 in which all quoted PCRs are
// allocated. An inactive bank is listed with an empty selection.
func chooseBank(l line) (uint16, error) {
	banks, err := allocation(l)
	if err != nil {
		return 0, err
	}
	for _, want := range []uint16{SHA256, SHA384} {
		for _, b := range banks {
			if uint16(b.Hash) == want && covers(bits(b.PCRSelect), Selection()) {
				return want, nil
			}
		}
	}
	return 0, ErrNoBank
}

// allocation lists the banks with the registers allocated in each (Part 2, 10.10.1: TPM_CAP_PCRS is one list, never cut).
func allocation(l line) ([]tpm2.TPMSPCRSelection, error) {
	r, err := tpm2.GetCapability{Capability: tpm2.TPMCapPCRs, PropertyCount: 1}.Execute(l)
	if err != nil {
		return nil, fmt.Errorf("list PCR banks: %w", err)
	}
	banks, err := r.CapabilityData.Data.AssignedPCR()
	if err != nil {
		return nil, fmt.Errorf("list PCR banks: %w", err)
	}
	return banks.PCRSelections, nil
}

func covers(have, want []uint) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

func selectPCRs(bank uint16, pcrs []uint) tpm2.TPMLPCRSelection {
	return tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{
		{Hash: tpm2.TPMAlgID(bank), PCRSelect: tpm2.PCClientCompatible.PCRs(pcrs...)}}}
}

// readPCRs reads the registers; a TPM gives at most eight digests a call (Part 3, 22.4).
func readPCRs(l line, bank uint16, pcrs []uint) (map[uint][]byte, error) {
	out := make(map[uint][]byte, len(pcrs))
	for rest := pcrs; len(rest) > 0; {
		ask := rest[:min(8, len(rest))]
		r, err := tpm2.PCRRead{PCRSelectionIn: selectPCRs(bank, ask)}.Execute(l)
		if err != nil {
			return nil, fmt.Errorf("read PCRs: %w", err)
		}
		got, err := pcrsRead(r, bank, ask)
		if err != nil {
			return nil, err
		}
		for i, p := range got {
			out[p] = r.PCRValues.Digests[i].Buffer
		}
		rest = slices.DeleteFunc(slices.Clone(rest), func(p uint) bool { return slices.Contains(got, p) })
	}
	return out, nil
}

// pcrsRead lists the PCRs an answer holds, at least one and only asked ones.
func pcrsRead(r *tpm2.PCRReadResponse, bank uint16, asked []uint) ([]uint, error) {
	var got []uint
	for _, s := range r.PCRSelectionOut.PCRSelections {
		if uint16(s.Hash) == bank {
			got = bits(s.PCRSelect)
		}
	}
	if len(got) == 0 || len(got) != len(r.PCRValues.Digests) || !covers(asked, got) {
		return nil, fmt.Errorf("read PCRs: asked for %v, got %v with %d values", asked, got, len(r.PCRValues.Digests))
	}
	return got, nil
}
