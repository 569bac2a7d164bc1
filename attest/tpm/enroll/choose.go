package enroll

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// Why an EK was not chosen. tpm.ErrKeyType and ErrIdentity are further reasons.
var (
	ErrNoCertificate = errors.New("no certificate")
	ErrCertificate   = errors.New("certificate cannot be read")
	ErrUsage         = errors.New("not an endorsement certificate")
	ErrUntrusted     = errors.New("does not chain to the given roots")
	ErrExpired       = errors.New("not valid at this time")
	ErrMismatch      = errors.New("certificate is for another key than the one offered beside it")
)

// Chosen is an EK whose certificate chains.
type Chosen struct {
	Template    tpm.Template
	Certificate *x509.Certificate
	Public      *tpm2.TPMTPublic // rebuilt from the certificate and the template
	Identity    Identity
	Class       Class
	NotAfter    time.Time // until when its chain holds
	Unchecked   []error   // certificates of its chain whose revocation nobody could tell, and why
}

// KeyDigest is SHA-256(DER SPKI), CertificateDigest SHA-256(DER certificate).
func (c *Chosen) KeyDigest() [32]byte { return sha256.Sum256(c.Certificate.RawSubjectPublicKeyInfo) }

// CertificateDigest is SHA-256 of the DER certificate.
func (c *Chosen) CertificateDigest() [32]byte { return sha256.Sum256(c.Certificate.Raw) }

// Refusal says why one EK was passed over.
type Refusal struct {
	Template string
	Err      error
}

func (r *Refusal) Error() string { return fmt.Sprintf("endorsement key %.16q: %v", r.Template, r.Err) }

// Unwrap gives the reason.
func (r *Refusal) Unwrap() error { return r.Err }

// ChooseEK takes the first EK with a certificate that chains at a time. The refusals are those of the EKs before it, or
// of all; then the error joins them, so errors.Is finds every reason.
func ChooseEK(eks []attest.EKOffer, roots *Roots, at time.Time) (*Chosen, []*Refusal, error) {
	intermediates := roots.Intermediates.Clone()
	if err := addChains(intermediates, eks); err != nil {
		return nil, nil, fmt.Errorf("enrol: %w", err)
	}
	var refusals []*Refusal
	var all []error
	for _, ek := range eks {
		c, err := chooseOne(ek, roots, intermediates, at)
		if err == nil {
			return c, refusals, nil
		}
		r := &Refusal{ek.Template, err}
		refusals, all = append(refusals, r), append(all, r)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("enrol: no endorsement key offered: %w", ErrNoCertificate)
	}
	return nil, refusals, fmt.Errorf("enrol: %w", errors.Join(all...))
}

// addChains takes what the node sent beside its certificates as intermediates; what cannot be parsed is left out.
func addChains(pool *x509.CertPool, eks []attest.EKOffer) error {
	n := 0
	for _, ek := range eks {
		for _, der := range ek.Chain {
			if n++; n > attest.MaxCerts || len(der) > attest.MaxCertSize {
				return fmt.Errorf("chain of more than %d certificates or one of %d bytes, limit %d", attest.MaxCerts, len(der), attest.MaxCertSize)
			}
			if c, err := x509.ParseCertificate(der); err == nil {
				pool.AddCert(c)
			}
		}
	}
	return nil
}

func chooseOne(ek attest.EKOffer, roots *Roots, intermediates *x509.CertPool, at time.Time) (*Chosen, error) {
	t, ok := tpm.TemplateByName(ek.Template)
	switch {
	case !ok:
		return nil, errors.New("unknown template")
	case len(ek.Certificate) == 0:
		return nil, ErrNoCertificate
	case len(ek.Certificate) > attest.MaxCertSize:
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrCertificate, len(ek.Certificate), attest.MaxCertSize)
	}
	c, err := x509.ParseCertificate(ek.Certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, unreadable(err))
	}
	id, err := identity(c)
	if err != nil {
		return nil, err
	}
	if err := checkUsage(c); err != nil {
		return nil, err
	}
	key, err := tpm.ParseSPKI(c.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
	}
	public, err := t.Public(key)
	if err != nil {
		return nil, err
	}
	if len(ek.Key) > 0 && !slices.Equal(ek.Key, c.RawSubjectPublicKeyInfo) {
		return nil, ErrMismatch
	}
	chains, err := chain(c, roots.Roots, intermediates, at)
	if err != nil {
		return nil, err
	}
	chains, unchecked, err := roots.sift(chains, at)
	if err != nil {
		return nil, err
	}
	return &Chosen{t, c, public, *id, ClassOf(*id), latestEnd(chains), unchecked}, nil
}

// unreadable adds what to do about certificates that Go's strict parser refuses; vendors' own are among them.
func unreadable(err error) error {
	if strings.Contains(err.Error(), "negative serial number") {
		return fmt.Errorf("%w: vendors issue such certificates; GODEBUG=x509negativeserial=1 has them read, as the hallmark command does", err)
	}
	return err
}

var oidEndorsement = asn1.ObjectIdentifier{2, 23, 133, 8, 1} // tcg-kp-EKCertificate

// checkUsage keeps other certificates of the same vendor from standing in: a CA's, a platform's, a user's. Where the
// certificate limits its use, endorsement (TCG EK Credential Profile, "Extended Key Usage") and the
// key's own operation must be among it.
func checkUsage(c *x509.Certificate) error {
	if c.IsCA {
		return fmt.Errorf("%w: it is a CA's", ErrUsage)
	}
	limited := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
	if limited && !slices.ContainsFunc(c.UnknownExtKeyUsage, oidEndorsement.Equal) {
		return fmt.Errorf("%w: extended key usage without tcg-kp-EKCertificate", ErrUsage)
	}
	if c.KeyUsage != 0 && c.KeyUsage&(x509.KeyUsageKeyEncipherment|x509.KeyUsageKeyAgreement) == 0 {
		return fmt.Errorf("%w: key usage %#x", ErrUsage, int(c.KeyUsage))
	}
	return nil
}

// chain verifies the certificate's chain. subjectAltName was read by identity, so it may be cleared from the extensions
// that Go did not handle; any other critical one stays and fails.
func chain(c *x509.Certificate, roots, intermediates *x509.CertPool, at time.Time) ([][]*x509.Certificate, error) {
	copied := *c
	copied.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(c.UnhandledCriticalExtensions), oidSubjectAltName.Equal)
	verify := func(at time.Time) ([][]*x509.Certificate, error) {
		return copied.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	}
	chains, err := verify(at)
	if err == nil {
		return chains, nil
	}
	// Go speaks of expiry before it knows whether anything chains: then the chain must have held at some time.
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
		for _, then := range []time.Time{c.NotBefore, c.NotAfter} {
			if _, never := verify(then); never == nil {
				return nil, fmt.Errorf("%w: %w", ErrExpired, err)
			}
		}
		err = errors.New("neither now nor when it was issued")
	}
	return nil, fmt.Errorf("%w: %w", ErrUntrusted, err)
}

// latestEnd is until when at least one chain holds.
func latestEnd(chains [][]*x509.Certificate) time.Time {
	var latest time.Time
	for _, chain := range chains {
		end := chain[0].NotAfter
		for _, c := range chain {
			if c.NotAfter.Before(end) {
				end = c.NotAfter
			}
		}
		if end.After(latest) {
			latest = end
		}
	}
	return latest
}
