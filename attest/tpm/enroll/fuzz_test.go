package enroll_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// No certificate of a stranger is chosen, however it is bent; subjectAltName is parsed by us.
func FuzzChooseEK(f *testing.F) {
	stranger, err := swtpm.NewAuthority(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	der, err := stranger.Issue(&key.PublicKey, now.Add(-time.Hour), now.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("L-2", der, der)
	none := &enroll.Roots{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	f.Fuzz(func(t *testing.T, template string, der, chain []byte) {
		eks := []attest.EKOffer{{Template: template, Certificate: der, Chain: [][]byte{chain}}}
		if c, _, err := enroll.ChooseEK(eks, none, now); err == nil {
			t.Errorf("chosen without any root: %+v", c)
		}
	})
}

// A made-up proof of birth that passes is one that our own key signed.
func FuzzCheckParameters(f *testing.F) {
	s := newSoftAK(f)
	var p attest.Parameters
	s.born(f, &p, tpm2.TPMRHEndorsement, nil)
	f.Add(p.AK, p.CreationData, p.CreationAttest, p.CreationSigning)
	f.Fuzz(func(t *testing.T, ak, data, attested, signature []byte) {
		got, err := enroll.CheckParameters(&attest.Parameters{AK: ak, CreationData: data, CreationAttest: attested, CreationSigning: signature})
		if err == nil && string(ak) == string(s.public) && string(attested) != string(p.CreationAttest) {
			t.Errorf("accepted %x", got.Name())
		}
	})
}

// A revocation list that is no list of the issuer's changes nothing: an honest certificate is chosen beside whatever lies there.
func FuzzAddCRLs(f *testing.F) {
	maker, err := swtpm.NewAuthority(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Now()
	der, err := maker.Issue(&key.PublicKey, now.Add(-time.Hour), now.Add(time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now, NextUpdate: now.Add(time.Hour), ExtraExtensions: []pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 3, 0x81, 1, 0xff}}}}
	own := &x509.Certificate{Subject: pkix.Name{CommonName: "hallmark software TPM issuer"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}
	seed, err := x509.CreateRevocationList(rand.Reader, list, own, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		roots, err := enroll.LoadRoots(os.DirFS(maker.Roots()))
		if err != nil {
			t.Fatal(err)
		}
		if err := roots.AddCRLs(fstest.MapFS{"a.crl": {Data: b}}); err != nil {
			return
		}
		if _, _, err := enroll.ChooseEK([]attest.EKOffer{{Template: "L-2", Certificate: der}}, roots, now); err != nil {
			t.Error(err)
		}
	})
}
