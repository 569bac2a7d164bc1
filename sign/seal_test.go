package sign

import (
	"bytes"
	"testing"

	"github.com/veraison/go-cose"

	"github.com/hallmark-attest/hallmark/attest"
)

// The library writes the same bytes around the same signature, for payloads on both sides of each length's limit.
func TestSealWritesWhatTheLibraryWrites(t *testing.T) {
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{attest.TypeEvidence, attest.TypeChallenge} {
		for _, n := range []int{0, 1, 23, 24, 255, 256, 65535, 65536, 1 << 20} {
			payload := bytes.Repeat([]byte{0xa5}, n)
			sealed, err := Seal(key, typ, payload)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Open(sealed, typ, 2<<20)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", typ, n, err)
			}
			if got, err := m.Verify(&key.PublicKey); err != nil || !bytes.Equal(got, payload) {
				t.Fatalf("%s, %d bytes: %v", typ, n, err)
			}
			headers, err := protected(&key.PublicKey, typ)
			if err != nil {
				t.Fatal(err)
			}
			want, err := (&cose.Sign1Message{Headers: cose.Headers{Protected: headers, Unprotected: cose.UnprotectedHeader{}}, Payload: payload,
				Signature: sealed[len(sealed)-64:]}).MarshalCBOR()
			if err != nil {
				t.Fatal(err)
			}
			if typ == attest.TypeEvidence {
				want = append(bytes.Clone(cwtTag), want...)
			}
			if !bytes.Equal(sealed, want) {
				t.Errorf("%s, %d bytes: not what the library writes", typ, n)
			}
		}
	}
}
