package tpm

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"
)

// Enrolment, the node's half: Parameters say which keys there are and how the AK was born; Activate shows that
// this AK and that EK live in one TPM (Part 1, "Credential Protection").

// ActivationParameters returns what a validator needs to enrol this TPM.
func (d *Device) ActivationParameters(ctx context.Context) (*Parameters, error) {
	return run(ctx, d, "activation parameters", func(l line) (*Parameters, error) {
		e, err := d.readEndorsement(l)
		if err != nil {
			return nil, err
		}
		r, err := d.certifyCreation(l)
		if err != nil {
			return nil, err
		}
		p := &Parameters{EKs: e.keys, Chain: e.chain, AK: d.ak.Public(), CreationData: d.origin.data,
			CreationAttestation: r.CertifyInfo.Bytes(), CreationSignature: tpm2.Marshal(r.Signature),
			Absent: slices.Clone(e.absent)}
		p.trim()
		return p, nil
	})
}

// certifyCreation has the AK certify its own birth: the ticket proves to the TPM that it made this very key.
func (d *Device) certifyCreation(l line) (r *tpm2.CertifyCreationResponse, err error) {
	err = d.withAK(l, func(h tpm2.AuthHandle) (err error) {
		r, err = tpm2.CertifyCreation{
			SignHandle:     h,
			ObjectHandle:   tpm2.NamedHandle{Handle: h.Handle, Name: h.Name},
			CreationHash:   d.origin.hash,
			InScheme:       tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
			CreationTicket: d.origin.ticket,
		}.Execute(l)
		if err != nil {
			return fmt.Errorf("certify creation: %w", err)
		}
		a, err := ParseAttest(r.CertifyInfo.Bytes())
		if err != nil {
			return err
		}
		return d.signedByUs(a)
	})
	return r, err
}

// Activate answers a validator's credential: the TPM gives the secret away only if the credential was made for the Name of our
// AK and for this EK. A TPM that derives another EK from the template than its certificate states, because its maker used a
// template of its own, is told apart from a wrong credential.
func (d *Device) Activate(ctx context.Context, ekTemplate string, credential, secret []byte) ([]byte, error) {
	t, ok := TemplateByName(ekTemplate)
	switch {
	case !ok:
		return nil, fmt.Errorf("tpm activate: unknown endorsement key template %.16q", ekTemplate)
	case len(credential) == 0 || len(credential) > MaxCredential:
		return nil, fmt.Errorf("tpm activate: credential of %d bytes, limit %d", len(credential), MaxCredential)
	case len(secret) == 0 || len(secret) > MaxSecret:
		return nil, fmt.Errorf("tpm activate: secret of %d bytes, limit %d", len(secret), MaxSecret)
	}
	return run(ctx, d, "activate", func(l line) (answer []byte, err error) {
		e, err := d.readEndorsement(l) // first, for it may need an object slot too
		if err != nil {
			return nil, err
		}
		err = withEK(l, t, func(ek tpm2.NamedHandle, key crypto.PublicKey) error {
			if err := e.sameKey(t, key); err != nil {
				return err
			}
			return d.withAK(l, func(h tpm2.AuthHandle) (err error) {
				answer, err = activate(l, t, h, ek, credential, secret)
				return err
			})
		})
		return answer, err
	})
}

// ErrForeignTemplate says that the TPM derives another key from the TCG template than the certificate's.
var ErrForeignTemplate = errors.New("the certificate's key is not made from the TCG template")

func (e *endorsement) sameKey(t Template, key crypto.PublicKey) error {
	for _, k := range e.keys {
		if k.Template == t.Name && !sameKey(k.SPKI, key) {
			return fmt.Errorf("endorsement key %s: %w", t.Name, ErrForeignTemplate)
		}
	}
	return nil
}

func activate(l line, t Template, ak tpm2.AuthHandle, ek tpm2.NamedHandle, credential, secret []byte) (answer []byte, err error) {
	auth := tpm2.PasswordAuth(nil) // the high range has userWithAuth
	if !t.high {                   // the low range only a policy: PolicySecret of the endorsement hierarchy
		session, done, err := endorsementPolicy(l)
		if err != nil {
			return nil, err
		}
		defer done()
		auth = session
	}
	r, err := tpm2.ActivateCredential{
		ActivateHandle: ak,
		KeyHandle:      tpm2.AuthHandle{Handle: ek.Handle, Name: ek.Name, Auth: auth},
		CredentialBlob: tpm2.TPM2BIDObject{Buffer: credential},
		Secret:         tpm2.TPM2BEncryptedSecret{Buffer: secret},
	}.Execute(l)
	if err != nil {
		return nil, fmt.Errorf("activate credential: %w", err)
	}
	return r.CertInfo.Buffer, nil
}

// endorsementPolicy opens a policy session and satisfies PolicyA in it. The session must be closed on every path: a leaked
// one stays until reset, and 64 of them stop the TPM.
func endorsementPolicy(l line) (s tpm2.Session, done func(), err error) {
	s, _, err = tpm2.PolicySession(l, tpm2.TPMAlgSHA256, 16)
	if err != nil {
		return nil, nil, fmt.Errorf("policy session: %w", err)
	}
	done = func() { _ = flush(l, s.Handle()) } // best effort: gone already after a reset
	_, err = tpm2.PolicySecret{AuthHandle: tpm2.TPMRHEndorsement, PolicySession: s.Handle(), NonceTPM: s.NonceTPM()}.Execute(l)
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("policy secret: %w", err)
	}
	return s, done, nil
}
