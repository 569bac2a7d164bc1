package quote

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Measurement is a SHA-384 register or hash of the TDX module.
type Measurement [48]byte

// Quote is a quote as received: nothing in it is true before CheckSignature returned nil.
type Quote struct {
	Version uint16
	Body    Body
	QE      QEReport

	raw   []byte // canonical
	parts *layout
}

// Body is the TD quote body (DCAP library reference, appendix A.3.2 and A.4.2).
type Body struct {
	TeeTCBSVN      [16]byte // [0] ISVSVN of the TDX module, [1] its major version, then SVNs of the platform
	MRSEAM         Measurement
	MRSIGNERSEAM   Measurement // zero: Intel's module
	SEAMAttributes [8]byte
	Attributes     Attributes
	XFAM           uint64
	MRTD           Measurement
	MRCONFIGID     Measurement
	MROWNER        Measurement
	MROWNERCONFIG  Measurement
	RTMR           [4]Measurement
	ReportData     [64]byte

	// Of TDX 1.5, in version 5 with a body of type 3 alone.
	HasTDX15    bool
	TeeTCBSVN2  [16]byte    // what runs now, where TeeTCBSVN is what ran when the TD was launched
	MRSERVICETD Measurement // the service TDs (migration) bound to this one; zero: none
}

// QEReport is the SGX report of the enclave that signed.
type QEReport struct {
	CPUSVN     [16]byte
	MiscSelect [4]byte
	Attributes [16]byte
	MRENCLAVE  [32]byte
	MRSIGNER   [32]byte
	ISVProdID  uint16
	ISVSVN     uint16
	ReportData [64]byte
}

// Length is the length of the canonical quote at the front of raw, whatever follows it. A collector cuts there.
func Length(raw []byte) (int, error) {
	l, err := walk(raw)
	if err != nil {
		return 0, fmt.Errorf("tdx quote: %w", err)
	}
	return l.length, nil
}

// Parse reads a quote. Zeros behind it are cut off, anything else there is ErrTail: what nobody signed could make two
// byte strings of one quote, and carry what a reader takes for signed.
func Parse(raw []byte) (*Quote, error) {
	n, err := Length(raw)
	if err != nil {
		return nil, err
	}
	if tail := raw[n:]; len(bytes.Trim(tail, "\x00")) > 0 {
		return nil, fmt.Errorf("tdx quote: %d: %w", len(tail), ErrTail)
	}
	raw = bytes.Clone(raw[:n]) // the caller's bytes may change after they were checked
	l, err := walk(raw)
	if err != nil {
		return nil, fmt.Errorf("tdx quote: %w", err)
	}
	return &Quote{Version: l.version, Body: body(l.body), QE: qeReport(l.qeReport), raw: raw, parts: l}, nil
}

// Canonical is the quote without what follows its signed data. It must not be written to.
func (q *Quote) Canonical() []byte { return q.raw }

// ChainPEM is the certification chain as received, PCK certificate first. It must not be written to.
func (q *Quote) ChainPEM() []byte { return q.parts.chain }

func body(b []byte) Body {
	v := Body{
		TeeTCBSVN: [16]byte(b), MRSEAM: Measurement(b[16:]), MRSIGNERSEAM: Measurement(b[64:]), SEAMAttributes: [8]byte(b[112:]),
		Attributes: Attributes(binary.LittleEndian.Uint64(b[120:])), XFAM: binary.LittleEndian.Uint64(b[128:]),
		MRTD: Measurement(b[136:]), MRCONFIGID: Measurement(b[184:]), MROWNER: Measurement(b[232:]), MROWNERCONFIG: Measurement(b[280:]),
		ReportData: [64]byte(b[520:]),
	}
	for i := range v.RTMR {
		v.RTMR[i] = Measurement(b[328+48*i:])
	}
	if len(b) == body15Size {
		v.HasTDX15, v.TeeTCBSVN2, v.MRSERVICETD = true, [16]byte(b[584:]), Measurement(b[600:])
	}
	return v
}

// qeReport reads an SGX REPORT body (Intel SDM volume 3D, table "REPORT").
func qeReport(b []byte) QEReport {
	return QEReport{
		CPUSVN: [16]byte(b), MiscSelect: [4]byte(b[16:]), Attributes: [16]byte(b[48:]), MRENCLAVE: [32]byte(b[64:]), MRSIGNER: [32]byte(b[128:]),
		ISVProdID: binary.LittleEndian.Uint16(b[256:]), ISVSVN: binary.LittleEndian.Uint16(b[258:]), ReportData: [64]byte(b[320:]),
	}
}
