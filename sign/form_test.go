package sign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// crafted is a COSE_Sign1 with any headers, validly signed over them: what a dishonest signer can make.
func crafted(t *testing.T, key *ecdsa.PrivateKey, protected map[any]any, unprotected map[any]any) []byte {
	t.Helper()
	header := encoded(t, protected)
	digest := sha256.Sum256(encoded(t, []any{"Signature1", header, []byte{}, []byte("payload")}))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	sig := lowS(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	return append([]byte{0xd2}, encoded(t, []any{header, unprotected, []byte("payload"), sig})...)
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	b, err := attest.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOpenRejectsEveryOtherHeader(t *testing.T) {
	key, _ := GenerateKey()
	kid, err := attest.KeyDigest(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		want   error
		change func(protected, unprotected map[any]any)
	}{
		"as sealed":             {nil, func(_, _ map[any]any) {}},
		"ES384":                 {ErrForm, func(p, _ map[any]any) { p[1] = -35 }},
		"no algorithm":          {ErrForm, func(p, _ map[any]any) { delete(p, 1) }},
		"algorithm by name":     {ErrForm, func(p, _ map[any]any) { p[1] = "ES256" }},
		"no type":               {ErrType, func(p, _ map[any]any) { delete(p, 16) }},
		"type by number":        {ErrType, func(p, _ map[any]any) { p[16] = 60 }},
		"another type":          {ErrType, func(p, _ map[any]any) { p[16] = attest.TypeRecord }},
		"no key id":             {ErrForm, func(p, _ map[any]any) { delete(p, 4) }},
		"short key id":          {ErrForm, func(p, _ map[any]any) { p[4] = kid[:31] }},
		"long key id":           {ErrForm, func(p, _ map[any]any) { p[4] = append(kid[:], 0) }},
		"another header":        {ErrForm, func(p, _ map[any]any) { p[99] = 1 }},
		"an unprotected header": {ErrForm, func(_, u map[any]any) { u[99] = 1 }},
	} {
		p, u := map[any]any{1: -7, 4: kid[:], 16: attest.TypeChallenge}, map[any]any{}
		c.change(p, u)
		m, err := Open(crafted(t, key, p, u), attest.TypeChallenge, 1<<16)
		if c.want == nil {
			if err == nil {
				_, err = m.Verify(&key.PublicKey)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if err == nil {
			t.Errorf("%s: accepted", name)
		} else if name != "algorithm by name" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestOpenRejectsAKeyIDInEvidence(t *testing.T) {
	key, _ := GenerateKey()
	good := crafted(t, key, map[any]any{1: -7, 16: attest.TypeEvidence}, map[any]any{})
	if _, err := Open(slices.Concat(cwtTag, good), attest.TypeEvidence, 1<<16); err != nil {
		t.Fatal(err)
	}
	bad := crafted(t, key, map[any]any{1: -7, 4: []byte("anybody"), 16: attest.TypeEvidence}, map[any]any{})
	if _, err := Open(slices.Concat(cwtTag, bad), attest.TypeEvidence, 1<<16); !errors.Is(err, ErrForm) {
		t.Errorf("got %v", err)
	}
}

// Who signs may name another's key: the name is compared with the key that verifies.
func TestVerifyRejectsAKeyThatIsNotTheOneNamed(t *testing.T) {
	key, _ := GenerateKey()
	m, err := Open(crafted(t, key, map[any]any{1: -7, 4: make([]byte, 32), 16: attest.TypeChallenge}, map[any]any{}), attest.TypeChallenge, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Verify(&key.PublicKey); !errors.Is(err, ErrSignature) {
		t.Errorf("got %v", err)
	}
}

func TestOpenRejectsOtherLengthsOfTheSignature(t *testing.T) {
	key, _ := GenerateKey()
	good, err := Seal(key, attest.TypeChallenge, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	head := good[:len(good)-66] // 0x58 0x40 and 64 bytes end the message
	for _, n := range []int{0, 63, 65, 96} {
		b := append(slices.Clone(head), encoded(t, make([]byte, n))...)
		if _, err := Open(b, attest.TypeChallenge, 1<<16); err == nil {
			t.Errorf("%d bytes were accepted", n)
		}
	}
	// The same signature with its length written in three bytes.
	if _, err := Open(slices.Concat(head, []byte{0x59, 0, 64}, good[len(good)-64:]), attest.TypeChallenge, 1<<16); !errors.Is(err, ErrForm) {
		t.Errorf("a long length: %v", err)
	}
	if isLowS(make([]byte, 63)) || isLowS(make([]byte, 65)) {
		t.Error("a signature of another length counts as one")
	}
}

func otherKeys(t *testing.T) (*ecdsa.PrivateKey, *rsa.PrivateKey) {
	t.Helper()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return p384, r
}

func TestSealRefusesKeysThatAreNotOnP256(t *testing.T) {
	p384, r := otherKeys(t)
	if _, err := Seal(p384, attest.TypeRecord, nil); err == nil {
		t.Error("P-384 sealed")
	}
	if _, err := Seal(r, attest.TypeRecord, nil); err == nil {
		t.Error("RSA sealed")
	}
}

func TestKeyFilesOfOtherKeysAreRefused(t *testing.T) {
	p384, r := otherKeys(t)
	private := map[string]*pem.Block{"PEM of another type": {Type: "EC PRIVATE KEY", Bytes: []byte{1}}, "no DER": {Type: "PRIVATE KEY", Bytes: []byte{1}}}
	public := map[string]*pem.Block{"PEM of another type": {Type: "CERTIFICATE", Bytes: []byte{1}}, "no DER": {Type: "PUBLIC KEY", Bytes: []byte{1}}}
	for name, k := range map[string]any{"P-384": p384, "RSA": r} {
		der, err := x509.MarshalPKCS8PrivateKey(k)
		if err != nil {
			t.Fatal(err)
		}
		private[name] = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	}
	for name, k := range map[string]any{"P-384": &p384.PublicKey, "RSA": &r.PublicKey} {
		der, err := x509.MarshalPKIXPublicKey(k)
		if err != nil {
			t.Fatal(err)
		}
		public[name] = &pem.Block{Type: "PUBLIC KEY", Bytes: der}
	}
	// The right bytes under the wrong label.
	good, _ := GenerateKey()
	priv, _ := MarshalPrivateKey(good)
	pub, _ := MarshalPublicKey(&good.PublicKey)
	for from, to := range map[*[]byte]map[string]*pem.Block{&priv: private, &pub: public} {
		b, _ := pem.Decode(*from)
		to["mislabelled"] = &pem.Block{Type: "SOMETHING", Bytes: b.Bytes}
	}
	for name, b := range private {
		if _, err := ParsePrivateKey(pem.EncodeToMemory(b)); err == nil {
			t.Errorf("private: %s was read", name)
		}
	}
	for name, b := range public {
		if _, err := ParsePublicKey(pem.EncodeToMemory(b)); err == nil {
			t.Errorf("public: %s was read", name)
		}
	}
	if _, err := ParsePrivateKey([]byte("no PEM")); err == nil {
		t.Error("no PEM was read as a private key")
	}
	if _, err := ParsePublicKey([]byte("no PEM")); err == nil {
		t.Error("no PEM was read as a public key")
	}
}
