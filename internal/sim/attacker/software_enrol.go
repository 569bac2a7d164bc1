package attacker

import (
	"context"
	"crypto/sha256"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
)

// softwareEnrolment tries to have such a key enrolled: it is shown beside the endorsement keys of a genuine TPM, with a
// proof of birth that it signed itself. Every signature is good. The credential that the enroller then makes is for the
// Name of the key, and the TPM opens it only for a key that it holds.
func softwareEnrolment(ctx context.Context, s *Scene) (Verdict, error) {
	key, err := newSoftwareKey()
	if err != nil {
		return Verdict{}, err
	}
	return s.enrolAs(ctx, Plan{Key: key, Parameters: key.claimBirth})
}

// claimBirth replaces key and creation attestation. The creation data names the hierarchy and no key, so the genuine one serves.
func (k *softwareKey) claimBirth(p *attest.Parameters) (err error) {
	hash := sha256.Sum256(p.CreationData)
	p.AK = k.Public()
	p.CreationAttest = tpm2.Marshal(tpm2.TPMSAttest{Magic: tpm2.TPMGeneratedValue, Type: tpm2.TPMSTAttestCreation,
		QualifiedSigner: qualifiedName(k.name), ClockInfo: tpm2.TPMSClockInfo{Clock: 1000, ResetCount: 1, Safe: true}, FirmwareVersion: 1,
		Attested: tpm2.NewTPMUAttest(tpm2.TPMSTAttestCreation, &tpm2.TPMSCreationInfo{
			ObjectName: tpm2.TPM2BName{Buffer: k.name}, CreationHash: tpm2.TPM2BDigest{Buffer: hash[:]}})})
	p.CreationSigning, err = k.sign(p.CreationAttest)
	return err
}
