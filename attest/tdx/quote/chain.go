package quote

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

var beginCertificate = []byte("-----BEGIN CERTIFICATE-----")

// chain reads the PCK certificate, its CA and the root: exactly three PEM blocks with nothing between, before or
// behind them but line ends and the zero byte some QGS versions append.
func chain(text []byte) ([3]*x509.Certificate, error) {
	var out [3]*x509.Certificate
	text = bytes.TrimSuffix(text, []byte{0})
	for i := range out {
		if !bytes.HasPrefix(text, beginCertificate) {
			return out, fmt.Errorf("certificate %d: no PEM block: %w", i, ErrMalformed)
		}
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return out, fmt.Errorf("certificate %d: no PEM block: %w", i, ErrMalformed)
		}
		// pem.Decode skips a broken block and gives the one behind it.
		if n := bytes.Count(text[:len(text)-len(rest)], []byte("-----BEGIN")); n != 1 {
			return out, fmt.Errorf("certificate %d: broken PEM block: %w", i, ErrMalformed)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return out, fmt.Errorf("certificate %d: %w: %w", i, err, ErrMalformed)
		}
		out[i], text = cert, bytes.TrimLeft(rest, "\r\n")
	}
	if len(text) > 0 {
		return out, fmt.Errorf("%d bytes behind three certificates: %w", len(text), ErrMalformed)
	}
	return out, nil
}
