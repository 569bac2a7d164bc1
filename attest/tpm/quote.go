package tpm

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
)

// Quote is one TPM quote as it stands in evidence under roots: raw, with the PCR values that its digest authenticates.
type Quote struct {
	Attest    []byte          `cbor:"attest"`    // TPMS_ATTEST as the TPM returned it
	Signature []byte          `cbor:"signature"` // TPMT_SIGNATURE
	Bank      uint16          `cbor:"bank"`      // TPM_ALG_ID of the PCR bank
	PCRs      map[uint][]byte `cbor:"pcrs"`      // PCR index to value
}

// Check holds a decoded quote against the limits; it says nothing about truth.
func (q Quote) Check() error {
	switch {
	case len(q.Attest) == 0 || len(q.Attest) > MaxAttest:
		return fmt.Errorf("tpm quote: attest of %d bytes, limit %d", len(q.Attest), MaxAttest)
	case len(q.Signature) == 0 || len(q.Signature) > MaxSignature:
		return fmt.Errorf("tpm quote: signature of %d bytes, limit %d", len(q.Signature), MaxSignature)
	case len(q.PCRs) == 0 || len(q.PCRs) > MaxPCR:
		return fmt.Errorf("tpm quote: %d PCR values, limit %d", len(q.PCRs), MaxPCR)
	}
	for i, v := range q.PCRs {
		if i >= MaxPCR || len(v) == 0 || len(v) > MaxDigest {
			return fmt.Errorf("tpm quote: PCR %d of %d bytes", i, len(v))
		}
	}
	return nil
}

// Selection returns the PCR indices of the quote's values in ascending order.
func (q Quote) Selection() []uint { return slices.Sorted(maps.Keys(q.PCRs)) }

// PCRDigest is the digest a quote over these values must carry: the bank's values in ascending order, hashed with
// the hash of the attestation key's scheme, SHA-256 here (Part 3, 18.4). Exported because a verifier
// tries it over the register value that a log prefix gives.
func PCRDigest(pcrs map[uint][]byte) []byte {
	h := sha256.New()
	for _, i := range slices.Sorted(maps.Keys(pcrs)) {
		h.Write(pcrs[i])
	}
	return h.Sum(nil)
}
