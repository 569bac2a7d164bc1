package sign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func sealed(t testing.TB, typ string) ([]byte, *Message) {
	t.Helper()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	b, err := Seal(key, typ, []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(b, typ, 1<<16)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := m.Verify(&key.PublicKey); err != nil || string(p) != "payload" {
		t.Fatalf("verify: %q, %v", p, err)
	}
	return b, m
}

func TestOpenRejectsEveryFlippedByteOrItsSignatureFails(t *testing.T) {
	for _, typ := range []string{attest.TypeChallenge, attest.TypeEvidence} {
		key, _ := GenerateKey()
		good, err := Seal(key, typ, []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range good {
			for bit := range 8 {
				bad := bytes.Clone(good)
				bad[i] ^= 1 << bit
				m, err := Open(bad, typ, 1<<16)
				if err != nil {
					continue
				}
				if _, err := m.Verify(&key.PublicKey); err == nil {
					t.Fatalf("%s: byte %d bit %d flipped and still accepted", typ, i, bit)
				}
			}
		}
	}
}

func TestOpenRejectsAnotherType(t *testing.T) {
	b, _ := sealed(t, attest.TypeRecord)
	if _, err := Open(b, attest.TypeChallenge, 1<<16); !errors.Is(err, ErrType) {
		t.Fatalf("got %v, want ErrType", err)
	}
}

func TestOpenRejectsHighS(t *testing.T) {
	b, _ := sealed(t, attest.TypeRecord)
	s := new(big.Int).SetBytes(b[len(b)-32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(b[len(b)-32:])
	if _, err := Open(b, attest.TypeRecord, 1<<16); !errors.Is(err, ErrForm) {
		t.Fatalf("got %v, want ErrForm", err)
	}
}

func TestOpenRejectsTrailingBytesAndMissingTag(t *testing.T) {
	b, _ := sealed(t, attest.TypeEvidence)
	if _, err := Open(append(bytes.Clone(b), 0), attest.TypeEvidence, 1<<16); err == nil {
		t.Error("a trailing byte passed")
	}
	if _, err := Open(b[2:], attest.TypeEvidence, 1<<16); !errors.Is(err, ErrForm) {
		t.Errorf("without CWT tag: %v", err)
	}
	if _, err := Open(b, attest.TypeEvidence, len(b)-1); err == nil {
		t.Error("over the limit passed")
	}
}

// The headers lie inside a byte string, where the decoder of the whole does not look.
func TestOpenRejectsHeadersInAnotherEncoding(t *testing.T) {
	key, _ := GenerateKey()
	kid, err := attest.KeyDigest(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	typ, _ := attest.Marshal(attest.TypeChallenge)
	kidHeader := append([]byte{0x04, 0x58, 0x20}, kid[:]...)
	for name, protected := range map[string][]byte{
		"as sealed":     slices.Concat([]byte{0xa3, 0x01, 0x26}, kidHeader, []byte{0x10}, typ),
		"unsorted keys": slices.Concat([]byte{0xa3, 0x10}, typ, kidHeader, []byte{0x01, 0x26}),
		"long integers": slices.Concat([]byte{0xa3, 0x18, 0x01, 0x38, 0x06}, kidHeader, []byte{0x10}, typ),
	} {
		tbs, _ := attest.Marshal([]any{"Signature1", protected, []byte{}, []byte{0xa0}})
		digest := sha256.Sum256(tbs)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := lowS(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
		body, _ := attest.Marshal([]any{protected, map[int]int{}, []byte{0xa0}, sig})
		_, err = Open(append([]byte{0xd2}, body...), attest.TypeChallenge, 1<<16)
		if good := name == "as sealed"; (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyRejectsAnotherKey(t *testing.T) {
	_, m := sealed(t, attest.TypeRecord)
	other, _ := GenerateKey()
	if _, err := m.Verify(&other.PublicKey); !errors.Is(err, ErrSignature) {
		t.Fatalf("got %v", err)
	}
}

func TestKeyFilesRoundTrip(t *testing.T) {
	key, _ := GenerateKey()
	priv, _ := MarshalPrivateKey(key)
	pub, _ := MarshalPublicKey(&key.PublicKey)
	k, err := ParsePrivateKey(priv)
	if err != nil || !k.Equal(key) {
		t.Fatal(err)
	}
	p, err := ParsePublicKey(pub)
	if err != nil || !p.Equal(&key.PublicKey) {
		t.Fatal(err)
	}
	if _, err := ParsePrivateKey(pub); err == nil {
		t.Error("a public key passed as a private one")
	}
	if _, err := ParsePublicKey(priv); err == nil {
		t.Error("a private key passed as a public one")
	}
}

func FuzzOpen(f *testing.F) {
	for _, typ := range []string{attest.TypeChallenge, attest.TypeEvidence} {
		key, _ := GenerateKey()
		b, err := Seal(key, typ, []byte{0xa0})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, typ == attest.TypeEvidence)
	}
	f.Fuzz(func(t *testing.T, b []byte, evidence bool) {
		typ := attest.TypeChallenge
		if evidence {
			typ = attest.TypeEvidence
		}
		m, err := Open(b, typ, 1<<16)
		if err != nil {
			return
		}
		if again, err := m.msg.MarshalCBOR(); err != nil || !bytes.HasSuffix(b, again) {
			t.Fatalf("accepted %x does not encode to itself: %v", b, err)
		}
	})
}

func ExampleSeal() {
	key, _ := GenerateKey()
	doc, _ := Seal(key, attest.TypeRecord, []byte("what I asked and received"))
	msg, _ := Open(doc, attest.TypeRecord, attest.MaxRecordSize)
	payload, err := msg.Verify(&key.PublicKey)
	fmt.Printf("%s %v\n", payload, err)
	// Output: what I asked and received <nil>
}
