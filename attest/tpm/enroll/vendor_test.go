package enroll_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// certify makes an endorsement certificate for a key, below the intermediate.
func (a *authority) certify(key crypto.PublicKey, template string, san []byte) attest.EKOffer {
	a.t.Helper()
	usage := x509.KeyUsageKeyAgreement
	if _, ok := key.(*rsa.PublicKey); ok {
		usage = x509.KeyUsageKeyEncipherment
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(3), NotBefore: hour.Add(-2 * time.Hour), NotAfter: hour, KeyUsage: usage, BasicConstraintsValid: true,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{2, 23, 133, 8, 1}}, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: san}}}
	der, err := x509.CreateCertificate(rand.Reader, c, a.intermediate, key, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return attest.EKOffer{Template: template, Certificate: der, Chain: [][]byte{a.intermediate.Raw}}
}

// resign replaces bytes inside a certificate, which Go would not write so, and signs it again.
func (a *authority) resign(der, old, new []byte) []byte {
	a.t.Helper()
	var c struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		a.t.Fatal(err)
	}
	if len(old) != len(new) || bytes.Count(c.TBS.FullBytes, old) != 1 {
		a.t.Fatalf("%x stands %d times in the certificate", old, bytes.Count(c.TBS.FullBytes, old))
	}
	c.TBS = asn1.RawValue{FullBytes: bytes.Replace(c.TBS.FullBytes, old, new, 1)}
	digest := sha256.Sum256(c.TBS.FullBytes)
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	c.Signature = asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}
	out, err := asn1.Marshal(c)
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

var good = []string{"id:4E544300", "NPCT75x", "id:0702"}

func TestCertificatesOfEveryKeyThatMakersIssueAreTaken(t *testing.T) {
	a := newAuthority(t, nil)
	san := names(t, directory(t, good...))
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for template, key := range map[string]crypto.PublicKey{"L-1": &r.PublicKey, "H-1": &r.PublicKey, "L-2": &p256.PublicKey, "H-2": &p256.PublicKey, "H-3": &p384.PublicKey} {
		c, _, err := enroll.ChooseEK([]attest.EKOffer{a.certify(key, template, san)}, a.roots(), time.Now())
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		ak := append([]byte{0, 0x0b}, make([]byte, 32)...)
		if _, _, err := enroll.MakeCredential(c.Public, ak, enroll.NewSecret()); err != nil {
			t.Errorf("%s: %v", template, err)
		}
	}
	big, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{a.certify(&big.PublicKey, "L-1", san)}, a.roots(), time.Now()); !errors.Is(err, tpm.ErrKeyType) {
		t.Errorf("RSA-3072, for which there is no template: %v", err)
	}
}

// Makers call the key RSAES-OAEP; it is the same key.
func TestKeyNamedRSAESOAEPIsTheRSAKey(t *testing.T) {
	a := newAuthority(t, nil)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	oid := []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1}
	ek := a.certify(&key.PublicKey, "L-1", names(t, directory(t, good...)))
	ek.Certificate = a.resign(ek.Certificate, append(bytes.Clone(oid), 1), append(bytes.Clone(oid), 7))
	c, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Public.Unique.RSA(); err != nil || !bytes.Equal(n.Buffer, key.N.Bytes()) || c.Public.Type != tpm2.TPMAlgRSA {
		t.Errorf("rebuilt %+v, %v", c.Public, err)
	}
	ek.Certificate = a.resign(ek.Certificate, append(bytes.Clone(oid), 7), append(bytes.Clone(oid), 10)) // RSASSA-PSS: a signing key
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); !errors.Is(err, enroll.ErrCertificate) {
		t.Errorf("a key for signatures: %v", err)
	}
}

// The node makes the key from the template and finds it in the certificate, whatever the certificate calls it.
func TestTPMWithACertificateForRSAESOAEPIsEnrolled(t *testing.T) {
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, no enrolment was tried:", err)
	}
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	bare := bareKey(t, s)
	a := newAuthority(t, nil)
	oid := []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1}
	der := a.certify(bare, "L-1", names(t, directory(t, good...))).Certificate
	if err := s.WriteNV(0x01c00002, a.resign(der, append(bytes.Clone(oid), 1), append(bytes.Clone(oid), 7))); err != nil {
		t.Fatal(err)
	}
	d := device(t, s)
	p := parameters(t, d)
	p.EKs[0].Chain = [][]byte{a.intermediate.Raw}
	ak, err := enroll.CheckParameters(p)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := enroll.ChooseEK(p.EKs, a.roots(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	secret := enroll.NewSecret()
	credential, encrypted, err := enroll.MakeCredential(c.Public, ak.Name(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Activate(t.Context(), "L-1", credential, encrypted); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("activate: %x, %v", got, err)
	}
}

// bareKey is the L-1 key of a TPM without certificates.
func bareKey(t *testing.T, s *swtpm.TPM) crypto.PublicKey {
	t.Helper()
	c, err := hw.OpenTPM("unix:" + s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // swtpm serves one client at a time
	d, err := tpm.NewDevice(t.Context(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := d.ActivationParameters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := tpm.ParseSPKI(p.EKs[0].SPKI)
	if err != nil || p.EKs[0].Template != "L-1" {
		t.Fatal(p.EKs, err)
	}
	return key
}

// Nuvoton's certificates write all three attributes as one set, in the order of their meaning and not of their encoding (keylime
// issue 1775).
func TestUnorderedSetInSubjectAltNameIsRead(t *testing.T) {
	a := newAuthority(t, nil)
	var set pairSET
	for _, i := range []int{2, 0, 1} {
		set = append(set, pair{asn1.ObjectIdentifier{2, 23, 133, 2, i + 1}, asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(good[i])}})
	}
	one, err := asn1.Marshal([]pairSET{set})
	if err != nil {
		t.Fatal(err)
	}
	// Go's encoder orders sets, so the order is broken by hand: the version's attribute is written first.
	first, err := asn1.Marshal(set[0])
	if err != nil {
		t.Fatal(err)
	}
	body := one[4:]
	disordered := append(append(bytes.Clone(one[:4]), first...), bytes.Replace(body, first, nil, 1)...)
	if bytes.Equal(disordered, one) {
		t.Fatal("still in order")
	}
	ek := a.ek(names(t, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: disordered}), nil)
	c, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now())
	if err != nil || c.Identity != (enroll.Identity{Manufacturer: good[0], Model: good[1], Version: good[2]}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestNegativeSerialNumberIsRefusedWithTheFixThatHelps(t *testing.T) {
	a := newAuthority(t, nil)
	ek := a.ek(names(t, directory(t, good...)), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(0x5152535455) })
	ek.Certificate = a.resign(ek.Certificate, []byte{2, 5, 0x51, 0x52, 0x53, 0x54, 0x55}, []byte{2, 5, 0x91, 0x52, 0x53, 0x54, 0x55})
	ca := a.resign(a.intermediate.Raw, []byte{0xa0, 3, 2, 1, 2, 2, 1, 2}, []byte{0xa0, 3, 2, 1, 2, 2, 1, 0x82})
	_, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now())
	if !errors.Is(err, enroll.ErrCertificate) || !strings.Contains(err.Error(), "GODEBUG=x509negativeserial=1") {
		t.Errorf("Go's own rule: %v", err)
	}
	t.Setenv("GODEBUG", "x509negativeserial=1")
	c, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now())
	if err != nil || c.Certificate.SerialNumber.Sign() >= 0 {
		t.Errorf("by the fix: %v", err)
	}
	ek.Chain = [][]byte{ca}
	if _, _, err := enroll.ChooseEK([]attest.EKOffer{ek}, a.roots(), time.Now()); err != nil {
		t.Errorf("in the intermediate too: %v", err)
	}
}
