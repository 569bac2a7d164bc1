package tpm

import (
	"errors"
	"fmt"
)

// ErrCertificateBlob says that an NV index holds no certificate.
var ErrCertificateBlob = errors.New("no DER certificate in NV data")

// CertificateDER cuts the certificate out of what an NV index holds. Makers define the index larger than the
// certificate and leave the rest zero or erased (0xff); anything else behind it is refused.
func CertificateDER(blob []byte) ([]byte, error) {
	n, err := derSize(blob)
	if err != nil {
		return nil, err
	}
	for i, b := range blob[n:] {
		if b != 0 && b != 0xff {
			return nil, fmt.Errorf("byte %#02x at %d behind the certificate: %w", b, n+i, ErrCertificateBlob)
		}
	}
	return blob[:n:n], nil
}

// CertificateChain cuts a concatenation of DER certificates, at most MaxChain of them.
func CertificateChain(blob []byte) ([][]byte, error) {
	var out [][]byte
	for len(blob) > 0 && blob[0] == 0x30 {
		n, err := derSize(blob)
		if err != nil {
			return nil, err
		}
		if len(out) == MaxChain || n > MaxCertificate {
			return nil, fmt.Errorf("chain of more than %d certificates or one over %d bytes: %w", MaxChain, MaxCertificate, ErrCertificateBlob)
		}
		out = append(out, blob[:n:n])
		blob = blob[n:]
	}
	for _, b := range blob {
		if b != 0 && b != 0xff {
			return nil, fmt.Errorf("byte %#02x behind the chain: %w", b, ErrCertificateBlob)
		}
	}
	return out, nil
}

// derSize returns the size of the outer SEQUENCE: X.690 section 8.1.3, minimal definite lengths only.
func derSize(b []byte) (int, error) {
	if len(b) < 2 || b[0] != 0x30 {
		return 0, fmt.Errorf("does not begin with a SEQUENCE: %w", ErrCertificateBlob)
	}
	size, head := int(b[1]), 2
	if size >= 0x80 {
		k := size & 0x7f
		if k == 0 || k > 2 || len(b) < 2+k || b[2] == 0 {
			return 0, fmt.Errorf("length of the SEQUENCE: %w", ErrCertificateBlob)
		}
		size, head = 0, 2+k
		for _, c := range b[2:head] {
			size = size<<8 | int(c)
		}
		if size < 0x80 {
			return 0, fmt.Errorf("length of the SEQUENCE not minimal: %w", ErrCertificateBlob)
		}
	}
	if head+size > len(b) {
		return 0, fmt.Errorf("%d bytes, SEQUENCE needs %d: %w", len(b), head+size, ErrCertificateBlob)
	}
	return head + size, nil
}
