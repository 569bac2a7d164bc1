package tpm

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"

	"github.com/google/go-tpm/tpm2"
)

// ErrSignature says that a TPM signature does not verify under the attestation key.
var ErrSignature = errors.New("signature not by the attestation key")

// Verify checks a TPMT_SIGNATURE of this key over a TPMS_ATTEST as received. The signature's hash must be that of the
// key's scheme: a restricted key cannot sign with another (Part 1, "Restricted Attribute"), so any other is not from this key.
func (a *AK) Verify(attested, signature []byte) error {
	s, err := ParseSignature(signature)
	if err != nil {
		return err
	}
	return a.verify(attested, s)
}

func (a *AK) verify(attested []byte, s *tpm2.TPMTSignature) error {
	e, err := s.Signature.ECDSA()
	if s.SigAlg != tpm2.TPMAlgECDSA || err != nil {
		return fmt.Errorf("tpm signature: scheme %s: %w", hex16(s.SigAlg), ErrSignature)
	}
	if e.Hash != tpm2.TPMAlgSHA256 {
		return fmt.Errorf("tpm signature: hash %s: %w", hex16(e.Hash), ErrSignature)
	}
	r, t := e.SignatureR.Buffer, e.SignatureS.Buffer
	if len(r) > 32 || len(t) > 32 {
		return fmt.Errorf("tpm signature: %d and %d bytes: %w", len(r), len(t), ErrSignature)
	}
	digest := sha256.Sum256(attested)
	if !ecdsa.Verify(a.key, digest[:], new(big.Int).SetBytes(r), new(big.Int).SetBytes(t)) {
		return fmt.Errorf("tpm signature: %w", ErrSignature)
	}
	return nil
}
