package tpm

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
)

// NV indices of the certificate chain: TCG EK Credential Profile, "EK Certificate Chain". One certificate
// may run on from one index into the next.
const (
	chainFirst = 0x01c00100
	chainLast  = chainFirst + 7 // 8 indices are more than any chain seen needs
)

// EK is one endorsement key as the node offers it.
type EK struct {
	Template    string
	Certificate []byte // DER, as in NV; nil if there is none
	SPKI        []byte // DER SubjectPublicKeyInfo
}

// endorsement is everything known about the TPM's endorsement keys; read once, it does not change.
type endorsement struct {
	keys   []EK
	chain  [][]byte
	absent []attest.Absence
	passes bool // a failure among the absences may pass: worth reading again
}

// readEndorsement finds the certificates in NV. Only where there is none at all are keys made to be offered by their digest:
// making an RSA key takes a chip many seconds.
func (d *Device) readEndorsement(l line) (*endorsement, error) {
	if d.ek != nil {
		return d.ek, nil
	}
	e := new(endorsement)
	for _, t := range Templates() {
		if err := d.certified(l, e, t); err != nil {
			return nil, err
		}
	}
	if len(e.keys) == 0 {
		if err := d.uncertified(l, e); err != nil {
			return nil, err
		}
	}
	if err := e.readChain(l); err != nil {
		return nil, err
	}
	if !e.passes {
		d.ek = e
	}
	return e, nil
}

// certified adds the key of one template if NV has its certificate, and says why not otherwise.
func (d *Device) certified(l line, e *endorsement, t Template) error {
	what := "eks[" + t.Name + "].certificate_digest"
	blob, err := readNV(l, t.NVIndex, MaxCertificate)
	if left(err) {
		return err
	}
	var der, spki []byte
	if err == nil {
		der, err = CertificateDER(blob)
	}
	if err == nil {
		spki, err = d.certifiedKey(l, t, der)
	}
	if err != nil {
		e.passes = e.passes || mayPass(err)
		e.absent = append(e.absent, attest.Absent(what, absenceReason(err), "NV index %#x: %v", t.NVIndex, err))
		return nil
	}
	e.keys = append(e.keys, EK{Template: t.Name, Certificate: der, SPKI: spki})
	return nil
}

// certifiedKey takes the key from the certificate, or, where Go cannot parse that (some vendors' certificates break
// X.509), from the TPM; the validator may still be able to read it.
func (d *Device) certifiedKey(l line, t Template, der []byte) ([]byte, error) {
	if c, err := x509.ParseCertificate(der); err == nil {
		return c.RawSubjectPublicKeyInfo, nil
	}
	return d.madeKey(l, t)
}

func (d *Device) uncertified(l line, e *endorsement) error {
	for _, name := range []string{"L-1", "L-2"} {
		t, _ := TemplateByName(name)
		spki, err := d.madeKey(l, t)
		if left(err) {
			return err
		}
		if err != nil {
			e.passes = e.passes || mayPass(err)
			e.absent = append(e.absent, attest.Absent("eks["+name+"]", absenceReason(err), "create: %v", err))
			continue
		}
		e.keys = append(e.keys, EK{Template: name, SPKI: spki})
	}
	return nil
}

// madeKey makes a template's key to learn its public half, once for the life of
// the device: a slow chip whose caller gave up between two keys does not start from the first again.
func (d *Device) madeKey(l line, t Template) (spki []byte, err error) {
	if known := d.made[t.Name]; known != nil {
		return known, nil
	}
	err = withEK(l, t, func(_ tpm2.NamedHandle, key crypto.PublicKey) (err error) {
		spki, err = x509.MarshalPKIXPublicKey(key)
		return err
	})
	if err == nil {
		d.made[t.Name] = spki
	}
	return spki, err
}

// withEK creates an endorsement key, runs use and unloads the key, whatever happened.
func withEK(l line, t Template, use func(tpm2.NamedHandle, crypto.PublicKey) error) (err error) {
	r, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHEndorsement, InPublic: tpm2.New2B(t.Creation())}.Execute(l)
	if err != nil {
		return fmt.Errorf("create endorsement key %s: %w", t.Name, err)
	}
	defer func() { err = errors.Join(err, flush(l, r.ObjectHandle)) }()
	public, err := r.OutPublic.Contents()
	if err != nil {
		return fmt.Errorf("create endorsement key %s: %w", t.Name, err)
	}
	key, err := tpm2.Pub(*public)
	if err != nil {
		return fmt.Errorf("create endorsement key %s: %w", t.Name, err)
	}
	return use(tpm2.NamedHandle{Handle: r.ObjectHandle, Name: r.Name}, key)
}

// readChain reads the makers' intermediate certificates where NV has them.
func (e *endorsement) readChain(l line) error {
	var blob []byte
	for i := uint32(chainFirst); i <= chainLast; i++ {
		part, err := readNV(l, i, MaxCertificate)
		if left(err) {
			return err
		}
		if err != nil {
			break // the chain ends here
		}
		blob = append(blob, part...)
	}
	chain, err := CertificateChain(blob)
	if err != nil {
		e.absent = append(e.absent, attest.Absent("chain", attest.Failed, "NV index %#x: %v", uint32(chainFirst), err))
		return nil
	}
	e.chain = chain
	return nil
}

// left reports errors that mean the operation should stop: the TPM does not answer or the caller is gone.
func left(err error) bool {
	var rc tpm2.TPMRC
	switch {
	case err == nil, errors.Is(err, errNoIndex), errors.Is(err, errOversize), errors.Is(err, ErrNeedsAuth),
		errors.Is(err, ErrCertificateBlob), errors.As(err, &rc):
		return false
	}
	return true
}

// mayPass reports a TPM's refusal that another time may not give. Bytes in NV
// that do not parse stay as they are.
func mayPass(err error) bool {
	var rc tpm2.TPMRC
	return errors.As(err, &rc) && absenceReason(err) == attest.Failed
}

func absenceReason(err error) attest.Reason {
	switch {
	case errors.Is(err, errNoIndex):
		return attest.NotPresent
	case errors.Is(err, errOversize):
		return attest.Oversize
	case errors.Is(err, ErrNeedsAuth), errors.Is(err, tpm2.TPMRCAuthFail), errors.Is(err, tpm2.TPMRCBadAuth):
		return attest.NotPermitted
	case errors.Is(err, tpm2.TPMRCValue), errors.Is(err, tpm2.TPMRCCurve):
		return attest.NotSupported
	}
	return attest.Failed
}
