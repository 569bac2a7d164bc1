package quote

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

var beginCertificate = []byte("-----BEGIN CERTIFICATE-----")

// chain reads the PCK certificate and its CA. The text is exactly three PEM blocks, the last one the root (which the
// library reads, and which is trusted only where it is in the roots), with nothing between, before or behind them but line ends
// and the zero byte some QGS versions append.
func chain(text []byte) (out [2]*x509.Certificate, err error) {
	text = bytes.TrimSuffix(text, []byte{0})
	for i := range 3 {
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
		text = bytes.TrimLeft(rest, "\r\n")
		if i == len(out) {
			break
		}
		if out[i], err = x509.ParseCertificate(block.Bytes); err != nil {
			return out, fmt.Errorf("certificate %d: %w: %w", i, err, ErrMalformed)
		}
	}
	if len(text) > 0 {
		return out, fmt.Errorf("%d bytes behind three certificates: %w", len(text), ErrMalformed)
	}
	return out, nil
}
