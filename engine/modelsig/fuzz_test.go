package modelsig_test

import (
	"crypto/elliptic"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// FuzzOpen feeds bundles as they come over the network. The key is new in each
// run, so whatever is accepted was signed here.
func FuzzOpen(f *testing.F) {
	key := newKey(f, elliptic.P256())
	f.Add(signer{key: key}.sign(f, statement(tiny().resources(), filesOf(".git"))))
	f.Add(signer{key: key}.sign(f, statement(tiny().shards(8), shardsOf(8))))
	f.Add([]byte(`{"mediaType":"` + sigstore + `","verificationMaterial":{"certificate":{}},"dsseEnvelope":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := modelsig.Open(b, &key.PublicKey)
		if (s == nil) != (err != nil) {
			t.Fatalf("statement %v with error %v", s, err)
		}
	})
}
