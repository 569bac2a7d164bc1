package tdx

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

var le = binary.LittleEndian

// Offsets and sizes in a quote (Intel TDX DCAP Quote Generation Library, A.3 and A.4).
const (
	quoteHeader = 48
	bodyTD10    = 584
	bodyTD15    = 648
	reportData  = 520 // in either body
	teeTDX      = 0x81

	signedHead  = 64 + 64 + 2 + 4 // signature, key, type and size of what vouches for the key
	qeReport    = 384 + 64        // with its signature
	certReport  = 6
	certPEM     = 5
	maxQEAuth   = 256 // Intel's enclave has 32
	quoteMinLen = quoteHeader + 6
)

// cutBlob returns the quote at the beginning of a blob: header, body, and as many bytes of signed data as it says. It is no check of
// a quote, which is the verifier's. It refuses what would be sent in vain, and what would carry more than a quote: the length of the
// blob is the host's word, and kernels without c3fd16c3b98e ("virt: tdx-guest: Fix handling of host controlled 'quote' buffer
// length", 2026) copy the TD's own memory behind the buffer where that lies. So nothing behind the quote leaves the node, and
// within it nothing that is neither of fixed size nor PEM.
func cutBlob(blob []byte, data [64]byte) ([]byte, error) {
	at, size, err := body(blob)
	if err != nil {
		return nil, err
	}
	signature := at + size
	if len(blob) < signature+4 {
		return nil, fmt.Errorf("%d bytes, too short: %w", len(blob), ErrBlob)
	}
	end := uint64(signature) + 4 + uint64(le.Uint32(blob[signature:]))
	if end > uint64(len(blob)) || end > MaxQuote {
		return nil, fmt.Errorf("%d bytes, says its quote has %d, limit %d: %w", len(blob), end, MaxQuote, ErrBlob)
	}
	if !bytes.Equal(blob[at+reportData:at+reportData+64], data[:]) {
		return nil, fmt.Errorf("other report data than asked for: %w", ErrBlob)
	}
	if err := checkSigned(blob[signature+4 : end]); err != nil {
		return nil, err
	}
	return blob[:end:end], nil
}

// body is where the TD's report is in the quote.
func body(blob []byte) (at, size int, err error) {
	if len(blob) < quoteMinLen || le.Uint32(blob[4:]) != teeTDX {
		return 0, 0, fmt.Errorf("%d bytes, no header of a TD's quote: %w", len(blob), ErrBlob)
	}
	at, size = quoteHeader, bodyTD10
	switch v := le.Uint16(blob); v {
	case 4:
	case 5:
		kind := le.Uint16(blob[quoteHeader:])
		if at += 6; kind == 3 {
			size = bodyTD15
		} else if kind != 2 {
			return 0, 0, fmt.Errorf("version 5 with a body of type %d: %w", kind, ErrBlob)
		}
		if n := le.Uint32(blob[quoteHeader+2:]); n != uint32(size) {
			return 0, 0, fmt.Errorf("body of type %d with %d bytes: %w", kind, n, ErrBlob)
		}
	default:
		return 0, 0, fmt.Errorf("quote of version %d: %w", v, ErrBlob)
	}
	return at, size, nil
}

// checkSigned walks the signed data: a QE report with authentication data, then PEM to the end, one zero byte allowed.
func checkSigned(b []byte) error {
	if len(b) < signedHead+qeReport+2 || le.Uint16(b[128:]) != certReport || uint64(le.Uint32(b[130:])) != uint64(len(b)-signedHead) {
		return fmt.Errorf("signed data of %d bytes without a report of the quoting enclave: %w", len(b), ErrBlob)
	}
	b = b[signedHead+qeReport:]
	auth := int(le.Uint16(b))
	if auth > maxQEAuth || len(b) < 2+auth+6 {
		return fmt.Errorf("authentication data of %d bytes: %w", auth, ErrBlob)
	}
	b = b[2+auth:]
	if le.Uint16(b) != certPEM || uint64(le.Uint32(b[2:])) != uint64(len(b)-6) {
		return fmt.Errorf("no certificate chain at the end of the signed data (type %d): the host's quote generation service is to be set up for PCK certificates: %w", le.Uint16(b), ErrBlob)
	}
	for i, c := range bytes.TrimSuffix(b[6:], []byte{0}) {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' {
			return fmt.Errorf("byte %d of the certificate chain is not text: %w", i, ErrBlob)
		}
	}
	return nil
}
