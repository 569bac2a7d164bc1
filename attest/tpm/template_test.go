package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/attest/tpm"
)

func TestTemplateTakesOnlyTheKeyItMakes(t *testing.T) {
	modulus := func(bits uint) *rsa.PublicKey { // no parser looks at more than its length
		return &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), bits-1), big.NewInt(1)), E: 65537}
	}
	odd := modulus(2048)
	odd.E = 3
	on := func(c elliptic.Curve) crypto.PublicKey {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &k.PublicKey
	}
	//lint:ignore SA1019 no other way leads to a point off the curve
	off := &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)}
	keys := map[string]crypto.PublicKey{"RSA": modulus(2048), "RSA 1024": modulus(1024), "RSA 3072": modulus(3072), "RSA exponent 3": odd, "P-224": on(elliptic.P224()),
		"P-256": on(elliptic.P256()), "P-384": on(elliptic.P384()), "P-521": on(elliptic.P521()), "Ed25519": ed25519.PublicKey(make([]byte, 32)), "none": nil,
		"off the curve": off}
	fits := map[string]string{"L-1": "RSA", "L-2": "P-256", "H-1": "RSA", "H-2": "P-256", "H-3": "P-384"}
	for _, tmpl := range tpm.Templates() {
		for name, key := range keys {
			p, err := tmpl.Public(key)
			if want := fits[tmpl.Name] == name; (err == nil) != want || !want && !errors.Is(err, tpm.ErrKeyType) {
				t.Errorf("%s of %s: %v", name, tmpl.Name, err)
			} else if want && p.ObjectAttributes.UserWithAuth != (tmpl.Name[0] == 'H') {
				t.Errorf("%s: %+v", tmpl.Name, p.ObjectAttributes)
			}
		}
		p := tmpl.Creation()
		if want := tmpl.Name == "H-3"; (p.NameAlg == tpm2.TPMAlgSHA384) != want {
			t.Errorf("%s: name algorithm %#x", tmpl.Name, uint16(p.NameAlg))
		}
		empty := func() bool {
			if point, err := p.Unique.ECC(); err == nil {
				return len(point.X.Buffer) == 0
			}
			n, err := p.Unique.RSA()
			return err == nil && len(n.Buffer) == 0
		}()
		if empty != (tmpl.Name[0] == 'H') {
			t.Errorf("%s: unique field empty: %v", tmpl.Name, empty)
		}
	}
}
