package enroll

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	goattest "github.com/google/go-attestation/attest"
	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// ErrCreation says that an AK's proof of birth does not show a primary of the endorsement hierarchy made by a TPM.
var ErrCreation = errors.New("creation of the attestation key not shown")

// CheckParameters judges the AK of a node's activation parameters and returns it. Errors are those of tpm.ParseAK
// (tpm.Violations lists the wrong attributes), tpm.ErrForm, tpm.ErrSignature or ErrCreation.
//
// The proof is signed by the AK itself, so it is worth what the AK's attributes are worth; that the AK is in a TPM at all,
// the activation shows.
func CheckParameters(p *attest.Parameters) (*tpm.AK, error) {
	ak, err := tpm.ParseAK(p.AK)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	if err := checkAttestation(p, ak); err != nil {
		return nil, fmt.Errorf("enrol: creation attestation: %w", err)
	}
	if err := checkCreationData(p.CreationData); err != nil {
		return nil, fmt.Errorf("enrol: creation data: %w", err)
	}
	if err := secondOpinion(p); err != nil {
		return nil, fmt.Errorf("enrol: %w: %w", err, ErrCreation)
	}
	return ak, nil
}

// checkAttestation: TPMS_ATTEST of TPM2_CertifyCreation (Part 3, 18.3; Part 2, 10.12.6), over this key's Name and this
// creation data, signed by this key as primary of the endorsement hierarchy.
func checkAttestation(p *attest.Parameters, ak *tpm.AK) error {
	a, err := tpm.ParseAttest(p.CreationAttest)
	if err != nil {
		return err
	}
	if a.Magic != tpm2.TPMGeneratedValue || a.Type != tpm2.TPMSTAttestCreation {
		return fmt.Errorf("magic %#x, type %#x: %w", uint32(a.Magic), uint16(a.Type), ErrCreation)
	}
	if !bytes.Equal(a.QualifiedSigner.Buffer, ak.QualifiedName()) {
		return fmt.Errorf("qualified signer %x: %w", a.QualifiedSigner.Buffer, ErrCreation)
	}
	c, err := a.Attested.Creation()
	if err != nil {
		return fmt.Errorf("%v: %w", err, ErrCreation)
	}
	if !bytes.Equal(c.ObjectName.Buffer, ak.Name()) {
		return fmt.Errorf("is about the key named %x: %w", c.ObjectName.Buffer, ErrCreation)
	}
	hash := sha256.Sum256(p.CreationData)
	if !bytes.Equal(c.CreationHash.Buffer, hash[:]) {
		return fmt.Errorf("is about other creation data: %w", ErrCreation)
	}
	return ak.Verify(p.CreationAttest, p.CreationSigning)
}

// checkCreationData: the parent of a primary is its hierarchy, named by the handle (Part 2, 15.1).
func checkCreationData(b []byte) error {
	d, err := tpm.ParseCreationData(b)
	if err != nil {
		return err
	}
	if d.ParentNameAlg != tpm2.TPMAlgNull {
		return fmt.Errorf("parent name algorithm %#06x, a primary's is %#06x: %w", uint16(d.ParentNameAlg), uint16(tpm2.TPMAlgNull), ErrCreation)
	}
	for what, name := range map[string][]byte{"name": d.ParentName.Buffer, "qualified name": d.ParentQualifiedName.Buffer} {
		if !bytes.Equal(name, tpm.EndorsementName()) {
			return fmt.Errorf("parent %s %x, the endorsement hierarchy's is %x: %w", what, name, tpm.EndorsementName(), ErrCreation)
		}
	}
	return nil
}

// secondOpinion runs go-attestation's checks too. It parses with another library, so two parsers must agree about what
// was signed; its panics, were there any, become errors.
func secondOpinion(p *attest.Parameters) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("go-attestation: %v", r)
		}
	}()
	params := goattest.ActivationParameters{AK: goattest.AttestationParameters{
		Public:            p.AK,
		CreateData:        p.CreationData,
		CreateAttestation: p.CreationAttest,
		CreateSignature:   p.CreationSigning,
	}}
	if err := params.CheckAKParameters(); err != nil {
		return fmt.Errorf("go-attestation: %w", err)
	}
	return nil
}
