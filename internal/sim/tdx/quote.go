package tdx

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"sync"
)

// Bits of TD attributes (Intel TDX Module ABI, "ATTRIBUTES").
const (
	AttrDebug         = uint64(1) << 0
	AttrSeptVEDisable = uint64(1) << 28
	AttrMigratable    = uint64(1) << 29
	AttrPKS           = uint64(1) << 30
	AttrPerfmon       = uint64(1) << 63
)

// Register is a value of SHA-384: MRTD, an RTMR and the like.
type Register = [48]byte

// Measurements are what a quote says of a TD and of the module that runs it.
type Measurements struct {
	Version        uint16   // of the quote: 4 or 5; 0 is 4
	TeeTCBSVN      [16]byte // module's ISVSVN, module's major version, late microcode, ...
	MRSeam         Register
	MRSignerSeam   Register // zero: Intel's
	SeamAttributes [8]byte
	Attributes     uint64
	XFAM           uint64
	MRTD           Register
	MRConfigID     Register
	MROwner        Register
	MROwnerConfig  Register
	RTMR           [4]Register
	TeeTCBSVN2     [16]byte // version 5 only: what the module has been updated to
	MRServiceTD    Register // version 5 only
	Trailing       []byte   // behind the quote, inside the blob that the driver returns
	CertZero       bool     // one zero byte ends the certificate chain, as with Intel's library
}

// Defaults are the measurements of an honest TD on TDX 1.5. MRTD and RTMR0 to 2 are hashes of words; RTMR3 is zero, as at boot.
func Defaults() Measurements {
	m := Measurements{
		Version: 4, TeeTCBSVN: [16]byte{5, 1, 2}, TeeTCBSVN2: [16]byte{5, 1, 2}, Attributes: AttrSeptVEDisable, XFAM: 0x61ae7,
		MRSeam: Measure("seam module"), MRTD: Measure("td firmware"), CertZero: true,
	}
	m.RTMR = [4]Register{Measure("firmware configuration"), Measure("kernel"), Measure("command line and initrd"), {}}
	return m
}

// Measure makes a register value out of a word.
func Measure(word string) Register { return sha512.Sum384([]byte("hallmark synthetic tdx/" + word)) }

// TD is a trust domain on a platform. Its methods may be called concurrently.
type TD struct {
	Platform *Platform

	mu sync.Mutex
	m  Measurements
}

// NewTD starts a TD on the platform.
func (p *Platform) NewTD(m Measurements) *TD {
	def(&m.Version, 4)
	return &TD{Platform: p, m: m}
}

// Measurements are the TD's as they are now.
func (t *TD) Measurements() Measurements {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m
}

// Extend extends RTMR i as TDG.MR.RTMR.EXTEND does.
func (t *TD) Extend(i int, digest Register) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.m.RTMR[i] = sha512.Sum384(append(t.m.RTMR[i][:], digest[:]...))
}

// Quote signs the TD's measurements over report data, as the quoting enclave of its platform does. The blob has
// Measurements.Trailing behind the quote.
func (t *TD) Quote(reportData [64]byte) []byte {
	m := t.Measurements()
	signed := append(t.Platform.header(m.Version), m.body(reportData)...)
	q := append(signed, t.Platform.signature(signed, m.CertZero)...)
	return append(q, m.Trailing...)
}

var le = binary.LittleEndian

// qeVendor is Intel's identifier for its quoting enclaves.
var qeVendor = unhex("939a7233f79c4ca9940a0db3957f0607")

func (p *Platform) header(version uint16) []byte {
	b := le.AppendUint16(nil, version)
	b = le.AppendUint16(b, 2)          // ECDSA-256 with P-256
	b = le.AppendUint32(b, 0x00000081) // TDX
	b = append(b, 0, 0, 0, 0)          // reserved
	b = append(b, qeVendor...)
	id := derive(p.authority.seed+"/quoting enclave id/"+p.o.Seed, 0)
	return append(b, id[:20]...) // user data
}

// body is a TD report: 584 bytes of TDX 1.0, or a descriptor and 648 bytes of TDX 1.5 in a quote of version 5.
func (m *Measurements) body(reportData [64]byte) (b []byte) {
	if m.Version == 5 {
		b = le.AppendUint16(b, 3) // TD report of TDX 1.5
		b = le.AppendUint32(b, 648)
	}
	b = append(b, m.TeeTCBSVN[:]...)
	b = append(b, m.MRSeam[:]...)
	b = append(b, m.MRSignerSeam[:]...)
	b = append(b, m.SeamAttributes[:]...)
	b = le.AppendUint64(b, m.Attributes)
	b = le.AppendUint64(b, m.XFAM)
	for _, r := range []Register{m.MRTD, m.MRConfigID, m.MROwner, m.MROwnerConfig, m.RTMR[0], m.RTMR[1], m.RTMR[2], m.RTMR[3]} {
		b = append(b, r[:]...)
	}
	b = append(b, reportData[:]...)
	if m.Version == 5 {
		b = append(b, m.TeeTCBSVN2[:]...)
		b = append(b, m.MRServiceTD[:]...)
	}
	return b
}

// signature is the signed data with its length: the attestation key's signature over header and body, and what vouches for that key.
func (p *Platform) signature(signed []byte, certZero bool) []byte {
	auth := make([]byte, 32)
	for i := range auth {
		auth[i] = byte(i)
	}
	key := p.attest.public()
	report := p.qeReport(sha256.Sum256(append(key, auth...)))
	chain := p.chain
	if certZero {
		chain = append(chain[:len(chain):len(chain)], 0)
	}

	inner := append(report, p.pck.key.raw(report)...)
	inner = le.AppendUint16(inner, uint16(len(auth)))
	inner = append(inner, auth...)
	inner = le.AppendUint16(inner, 5) // PCK certificate chain
	inner = le.AppendUint32(inner, uint32(len(chain)))
	inner = append(inner, chain...)

	data := append(p.attest.raw(signed), p.attest.public()...)
	data = le.AppendUint16(data, 6) // QE report certification data
	data = le.AppendUint32(data, uint32(len(inner)))
	data = append(data, inner...)
	return append(le.AppendUint32(nil, uint32(len(data))), data...)
}

// Identity of the quoting enclave, in its report and in the QE identity.
var (
	qeSigner     = unhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
	qeAttributes = unhex("11000000000000000000000000000000")
)

const (
	qeProdID  = 2
	qeDebug   = 0x02 // in the first byte of the attributes
	qeReports = 384
)

// qeReport is an SGX report of the quoting enclave over the hash that binds the attestation key.
func (p *Platform) qeReport(binds [32]byte) []byte {
	b := make([]byte, qeReports)
	copy(b, p.o.CPUSVN[:])
	copy(b[48:], qeAttributes)
	if p.o.QEDebug {
		b[48] |= qeDebug
	}
	enclave := derive("quoting enclave", 0)
	copy(b[64:], enclave[:])
	copy(b[128:], qeSigner)
	le.PutUint16(b[256:], qeProdID)
	le.PutUint16(b[258:], p.o.QESVN)
	copy(b[320:], binds[:])
	return b
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err) // constants of this package
	}
	return b
}
