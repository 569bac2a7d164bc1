package quote

import (
	"encoding/binary"
	"fmt"

	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

// Sizes of the structures of "Intel TDX DCAP: Quote Generation Library and Quote Verification Library", revision
// 0.9, appendix A.3 (version 4) and A.4 (version 5).
const (
	headerSize     = 48
	body10Size     = 584 // TD quote body of TDX 1.0; all of version 4
	body15Size     = 648 // with TEE_TCB_SVN_2 and MRSERVICETD
	signatureSize  = 64
	keySize        = 64
	qeReportSize   = 384
	ecdsaP256      = 2
	teeTDX         = 0x81
	bodyTDX10      = 2
	bodyTDX15      = 3
	certQEReport   = 6 // certification data: a QE report with its own certification data
	certPCKChain   = 5 // certification data: PEM of PCK, CA and root
	signedDataHead = signatureSize + keySize
)

var intelQE = [16]byte{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07}

// layout is where the parts of a quote are. Slices point into the quote.
type layout struct {
	version               uint16
	header, body          []byte
	signature, key        []byte
	qeReport, qeSignature []byte
	qeAuthentication      []byte
	chain                 []byte
	signed                []byte // what the signature covers
	length                int    // of header, body and signed data: the canonical quote
}

// walk compares every length with what is left before it is used: go-tdx-guest slices by lengths it has not compared
// and panics (notes on its versions: D3). Nothing is copied.
func walk(raw []byte) (*layout, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(raw), MaxSize, ErrMalformed)
	}
	c := littleendian.Cursor{Rest: raw}
	l := &layout{header: c.Take(headerSize)}
	if err := l.checkHeader(); err != nil {
		return nil, err
	}
	size, err := l.bodySize(&c)
	if err != nil {
		return nil, err
	}
	l.body = c.Take(size)
	l.signed = raw[:len(raw)-len(c.Rest)]
	data := littleendian.Cursor{Rest: c.Take(c.U32())}
	if c.Short {
		return nil, fmt.Errorf("ends within body or signed data: %w", ErrMalformed)
	}
	l.length = len(raw) - len(c.Rest)
	return l, l.signedData(&data)
}

func (l *layout) checkHeader() error {
	if l.header == nil {
		return fmt.Errorf("ends within the header: %w", ErrMalformed)
	}
	le := binary.LittleEndian
	l.version = le.Uint16(l.header)
	switch {
	case l.version != 4 && l.version != 5:
		return fmt.Errorf("version %d: %w", l.version, ErrMalformed)
	case le.Uint16(l.header[2:]) != ecdsaP256:
		return fmt.Errorf("attestation key type %d: %w", le.Uint16(l.header[2:]), ErrMalformed)
	case le.Uint32(l.header[4:]) != teeTDX:
		return fmt.Errorf("TEE type %#x: %w", le.Uint32(l.header[4:]), ErrMalformed)
	case [16]byte(l.header[12:]) != intelQE:
		return fmt.Errorf("quoting enclave of vendor %x: %w", l.header[12:28], ErrMalformed)
	}
	return nil
}

// bodySize reads the descriptor that version 5 has before the body.
func (l *layout) bodySize(c *littleendian.Cursor) (uint32, error) {
	if l.version == 4 {
		return body10Size, nil
	}
	kind, size := c.U16(), c.U32()
	if kind == bodyTDX10 && size == body10Size || kind == bodyTDX15 && size == body15Size {
		return size, nil
	}
	return 0, fmt.Errorf("body of type %d with %d bytes: %w", kind, size, ErrMalformed)
}

// signedData reads what follows the body; both versions have the same.
func (l *layout) signedData(c *littleendian.Cursor) error {
	l.signature, l.key = c.Take(signatureSize), c.Take(keySize)
	kind, size := c.U16(), c.U32()
	if c.Short || kind != certQEReport || uint64(size) != uint64(len(c.Rest)) {
		return fmt.Errorf("certification data of type %d with %d of %d bytes: %w", kind, size, len(c.Rest), ErrMalformed)
	}
	l.qeReport, l.qeSignature = c.Take(qeReportSize), c.Take(signatureSize)
	l.qeAuthentication = c.Take(uint32(c.U16()))
	kind, size = c.U16(), c.U32()
	if c.Short || kind != certPCKChain || uint64(size) != uint64(len(c.Rest)) || size > MaxChain {
		return fmt.Errorf("QE certification data of type %d with %d of %d bytes: %w", kind, size, len(c.Rest), ErrMalformed)
	}
	l.chain = c.Rest
	return nil
}
