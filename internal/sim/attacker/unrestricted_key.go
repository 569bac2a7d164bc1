package attacker

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// unrestrictedKey invents registers and has a genuine TPM sign them: with a key that lacks the restricted attribute,
// TPM2_Sign signs anything, also what begins with TPM_GENERATED_VALUE (TPM 2.0 Part 1, "Restricted Attribute").
func unrestrictedKey(ctx context.Context, s *Scene) (Verdict, error) {
	return s.withUnrestricted(func(k *tpmKey) (Verdict, error) { return s.pose(ctx, Plan{Key: k}) })
}

// unrestrictedEnrolment offers the same key at enrolment. It lives in the TPM, its proof of birth is by the TPM, and the
// activation would succeed: its attributes are all that speaks against it.
func unrestrictedEnrolment(ctx context.Context, s *Scene) (Verdict, error) {
	return s.withUnrestricted(func(k *tpmKey) (Verdict, error) {
		return s.enrolAs(ctx, Plan{Key: k, Parameters: k.proveBirth})
	})
}

// tpmKey is an unrestricted signing key in a TPM.
type tpmKey struct {
	t       transport.TPM
	created *tpm2.CreatePrimaryResponse
}

// withUnrestricted makes the key in Mallory's TPM for as long as f runs.
func (s *Scene) withUnrestricted(f func(*tpmKey) (Verdict, error)) (v Verdict, err error) {
	t, err := linuxudstpm.Open(s.Mallory.TPMSocket)
	if err != nil {
		return Verdict{}, err
	}
	r, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(keyTemplate(false))}.Execute(t)
	if err != nil {
		return Verdict{}, err
	}
	defer func() {
		_, flushed := tpm2.FlushContext{FlushHandle: r.ObjectHandle}.Execute(t)
		err = errors.Join(err, flushed)
	}()
	return f(&tpmKey{t, r})
}

func (k *tpmKey) Public() []byte { return k.created.OutPublic.Bytes() }
func (k *tpmKey) Name() []byte   { return k.created.Name.Buffer }

// Quote invents a quote over registers of its choice.
func (k *tpmKey) Quote(qualifying attest.Digest) (tpm.Quote, error) {
	return inventQuote(k.Name(), qualifying, k.sign)
}

func (k *tpmKey) handle() tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: k.created.ObjectHandle, Name: k.created.Name, Auth: tpm2.PasswordAuth(nil)}
}

func (k *tpmKey) sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	r, err := tpm2.Sign{KeyHandle: k.handle(), Digest: tpm2.TPM2BDigest{Buffer: digest[:]}, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
		Validation: tpm2.TPMTTKHashCheck{Tag: tpm2.TPMSTHashCheck, Hierarchy: tpm2.TPMRHNull}}.Execute(k.t)
	if err != nil {
		return nil, err
	}
	return tpm2.Marshal(r.Signature), nil
}

// proveBirth has the TPM certify the key's creation, truthfully.
func (k *tpmKey) proveBirth(p *attest.Parameters) error {
	r, err := tpm2.CertifyCreation{SignHandle: k.handle(), ObjectHandle: tpm2.NamedHandle{Handle: k.created.ObjectHandle, Name: k.created.Name},
		CreationHash: k.created.CreationHash, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, CreationTicket: k.created.CreationTicket}.Execute(k.t)
	if err != nil {
		return err
	}
	p.AK, p.CreationData = k.Public(), k.created.CreationData.Bytes()
	p.CreationAttest, p.CreationSigning = r.CertifyInfo.Bytes(), tpm2.Marshal(r.Signature)
	return nil
}
