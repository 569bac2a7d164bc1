package enroll_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"testing"
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
