package collateral

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/url"
)

// crl reads a CRL: DER, as Intel's service sends it, hexadecimal, as a PCCS does, or PEM.
func crl(b []byte) (*x509.RevocationList, error) {
	if len(b) > 2*MaxCRL+2 {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), MaxCRL, ErrMalformed)
	}
	switch text := bytes.TrimSpace(b); {
	case bytes.HasPrefix(b, []byte{0x30}) && len(b) > 1 && b[1] >= 0x80: // a SEQUENCE of more than 127 bytes: no text begins so
	case bytes.HasPrefix(text, []byte("-----BEGIN X509 CRL-----")):
		block, rest := pem.Decode(text)
		if block == nil || len(rest) > 0 {
			return nil, fmt.Errorf("not one PEM block: %w", ErrMalformed)
		}
		b = block.Bytes
	default:
		der, err := hex.DecodeString(string(text))
		if err != nil {
			return nil, fmt.Errorf("neither DER nor hexadecimal nor PEM: %w", ErrMalformed)
		}
		b = der
	}
	list, err := x509.ParseRevocationList(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	if list.NextUpdate.IsZero() || !list.ThisUpdate.Before(list.NextUpdate) {
		return nil, fmt.Errorf("no window: %w", ErrMalformed)
	}
	for _, e := range list.Extensions {
		if e.Critical { // a partial or indirect CRL says less than it seems to (RFC 5280, 5.2)
			return nil, fmt.Errorf("critical extension %v: %w", e.Id, ErrMalformed)
		}
	}
	return list, nil
}

var beginCertificate = []byte("-----BEGIN CERTIFICATE-----")

// issuerChain reads signer and root, as a header of Intel's service (URL-escaped) or as PEM.
func issuerChain(text []byte) ([]*x509.Certificate, error) {
	if len(text) > MaxChain {
		return nil, fmt.Errorf("issuer chain of %d bytes, limit %d: %w", len(text), MaxChain, ErrMalformed)
	}
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte("-----BEGIN%20")) {
		plain, err := url.PathUnescape(string(text)) // %2B is a plus, and so is a plus: base64 has no spaces
		if err != nil {
			return nil, fmt.Errorf("issuer chain: %w: %w", err, ErrMalformed)
		}
		text = bytes.TrimSpace([]byte(plain))
	}
	var out []*x509.Certificate
	for len(text) > 0 {
		if !bytes.HasPrefix(text, beginCertificate) || len(out) == 2 {
			return nil, fmt.Errorf("issuer chain is not two PEM certificates: %w", ErrMalformed)
		}
		block, rest := pem.Decode(text)
		if block == nil || len(block.Headers) > 0 || bytes.Count(text[:len(text)-len(rest)], []byte("-----BEGIN")) != 1 {
			return nil, fmt.Errorf("issuer chain: broken PEM: %w", ErrMalformed)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("issuer chain: %w: %w", err, ErrMalformed)
		}
		out, text = append(out, cert), bytes.TrimSpace(rest)
	}
	if len(out) != 2 {
		return nil, fmt.Errorf("issuer chain of %d certificates: %w", len(out), ErrMalformed)
	}
	return out, nil
}
