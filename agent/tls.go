package agent

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// newTLS makes the server's key, fresh per process start, and its self-signed
// certificate. Nobody trusts the certificate: validators learn the key's digest
// from the evidence, where the quote covers it. Session tickets are off, so
// that each connection has an exporter of its own full handshake.
func newTLS(now time.Time) (*tls.Config, attest.Digest, error) {
	key, err := sign.GenerateKey()
	if err != nil {
		return nil, attest.Digest{}, fmt.Errorf("TLS key: %w", err)
	}
	digest, err := attest.KeyDigest(&key.PublicKey)
	if err != nil {
		return nil, attest.Digest{}, fmt.Errorf("TLS key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, attest.Digest{}, fmt.Errorf("TLS certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "hallmark-agent"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"hallmark-agent"}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, attest.Digest{}, fmt.Errorf("TLS certificate: %w", err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
		Certificates:                []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		DynamicRecordSizingDisabled: true,                 // a response is read whole or not at all: small first records only cost
		NextProtos:                  []string{"http/1.1"}, // see protocols
	}, digest, nil
}
