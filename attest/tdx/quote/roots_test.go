package quote_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// TestIntelRootIsTheOneInTheQuotes: three independent sources of one certificate.
func TestIntelRootIsTheOneInTheQuotes(t *testing.T) {
	for _, c := range captured {
		raw := vectors.Read(t, c.file)
		n, err := quote.Length(raw)
		if err != nil {
			t.Fatal(err)
		}
		rest := chainOf(t, raw[:n])
		var last *pem.Block
		for b, r := pem.Decode(rest); b != nil; b, r = pem.Decode(r) {
			last = b
		}
		if sha256.Sum256(last.Bytes) != quote.IntelRootDigest {
			t.Errorf("a quote has the root %x", sha256.Sum256(last.Bytes))
		}
	}
}

// foreignRoots is a root of Intel's name and somebody else's key.
func foreignRoots(t *testing.T) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		Subject: pkix.Name{CommonName: "Intel SGX Root CA"}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool
}
