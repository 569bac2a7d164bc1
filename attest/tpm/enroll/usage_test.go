package enroll_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// Certificates that chain to a trusted vendor and are no endorsement certificates must not stand in for one: whoever
// holds such a key outside a TPM could open the credential.
func TestChooseEKRefusesOtherCertificatesOfTheSameVendor(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	authority, err := swtpm.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	der, err := authority.Issue(&key.PublicKey, now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	model, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	var san pkix.Extension
	for _, e := range model.Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			san = e
		}
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vendor"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := &enroll.Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	vendor, err := x509.ParseCertificate(rootDER)
	if err != nil {
		t.Fatal(err)
	}
	roots.Roots.AddCert(vendor)

	for name, c := range map[string]struct {
		want   error
		change func(*x509.Certificate)
	}{
		"endorsement":     {nil, func(*x509.Certificate) {}},
		"no usage stated": {nil, func(c *x509.Certificate) { c.UnknownExtKeyUsage, c.KeyUsage = nil, 0 }},
		"server": {enroll.ErrUsage, func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}},
		"attestation key": {enroll.ErrUsage, func(c *x509.Certificate) { c.UnknownExtKeyUsage[0] = asn1.ObjectIdentifier{2, 23, 133, 8, 3} }},
		"signing key":     {enroll.ErrUsage, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }},
		"CA":              {enroll.ErrUsage, func(c *x509.Certificate) { c.IsCA = true }},
		"no SAN":          {enroll.ErrIdentity, func(c *x509.Certificate) { c.ExtraExtensions = nil }},
		"SAN cut":         {enroll.ErrCertificate, func(c *x509.Certificate) { c.ExtraExtensions[0].Value = san.Value[:len(san.Value)-1] }},
		"SAN with bytes behind": {enroll.ErrIdentity, func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = append(san.Value[:len(san.Value):len(san.Value)], 0)
		}},
		"another critical extension": {enroll.ErrUntrusted, func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})
		}},
	} {
		cert := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageKeyAgreement, UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}}, ExtraExtensions: []pkix.Extension{san}}
		c.change(cert)
		der, err := x509.CreateCertificate(rand.Reader, cert, root, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = enroll.ChooseEK([]attest.EKOffer{{Template: "L-2", Certificate: der}}, roots, now)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
