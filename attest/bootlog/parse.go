package bootlog

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the banks that are judged
	_ "crypto/sha512"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/littleendian"
)

// Banks that are judged (TPM_ALG_ID). The libraries also know SHA-1, by which logs are not judged here.
const (
	algSHA1   = uint16(0x0004)
	algSHA256 = uint16(0x000b)
	algSHA384 = uint16(0x000c)
)

func bankHash(bank uint16) (crypto.Hash, bool) {
	switch bank {
	case algSHA256:
		return crypto.SHA256, true
	case algSHA384:
		return crypto.SHA384, true
	}
	return 0, false
}

// event is one TCG_PCR_EVENT2, reduced to one bank.
type event struct {
	number   int // place in the log; the header is 0
	register uint32
	typ      EventType // not authentic, see EventType
	digest   []byte    // nil: the event has none of this bank
	data     []byte    // authentic only where a rule derives digest from it
}

// log is a parsed log. Slices point into the caller's bytes.
type log struct {
	hash       crypto.Hash
	header     []byte            // the Spec ID event, as found
	algorithms map[uint16]uint16 // digest size by TPM_ALG_ID
	events     []event           // without the header
}

// hashes says whether data is what was extended, by the plain rule.
func (l *log) hashes(data []byte, e event) bool {
	return e.digest != nil && bytes.Equal(l.sum(data), e.digest)
}

func (l *log) sum(data []byte) []byte {
	h := l.hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// parse reads a crypto-agile log (PC Client Platform Firmware Profile 1.06,
// 10.2.2). It is the gate before the libraries: sizes and counts that would make
// them allocate or loop at an attacker's wish are refused here.
func parse(raw []byte, bank uint16) (*log, error) {
	if len(raw) > attest.MaxLogSize {
		return nil, fmt.Errorf("%d bytes, limit %d", len(raw), attest.MaxLogSize)
	}
	hash, ok := bankHash(bank)
	if !ok {
		return nil, fmt.Errorf("bank %#04x is not judged", bank)
	}
	c := &littleendian.Cursor{Rest: raw}
	data := header(c)
	if c.Short {
		return nil, errors.New("header: shorter than an event")
	}
	l := &log{hash: hash, header: raw[:len(raw)-len(c.Rest)]}
	var err error
	if l.algorithms, err = specID(data); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if l.algorithms[bank] == 0 {
		return nil, fmt.Errorf("header: the log has no bank %#04x", bank)
	}
	for len(c.Rest) > 0 {
		if len(l.events) == MaxEvents {
			return nil, fmt.Errorf("more than %d events", MaxEvents)
		}
		e, err := l.event(c, bank)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", len(l.events)+1, err)
		}
		l.events = append(l.events, e)
	}
	return l, nil
}

// header reads the first event, which has the old form with one SHA-1 digest.
func header(c *littleendian.Cursor) (data []byte) {
	register, typ := c.U32(), c.U32()
	c.Take(20)
	data = c.Take(c.U32())
	if register != 0 || EventType(typ) != NoAction {
		return nil
	}
	return data
}

var specSignature = []byte("Spec ID Event03\x00")

// specID reads TCG_EfiSpecIDEvent (10.4.5.1). Sizes must be those of the
// algorithms: a library that believed other ones would cut the log differently.
func specID(data []byte) (map[uint16]uint16, error) {
	c := &littleendian.Cursor{Rest: data}
	if !bytes.Equal(c.Take(16), specSignature) {
		return nil, errors.New("no Spec ID event of a TPM 2.0 log")
	}
	c.Take(8) // platform class, version, errata, size of UINTN: both libraries check the version
	n := c.U32()
	if n == 0 || n > MaxAlgorithms {
		return nil, fmt.Errorf("%d algorithms, limit %d", n, MaxAlgorithms)
	}
	sizes := map[uint16]uint16{0x0004: 20, algSHA256: 32, algSHA384: 48, 0x000d: 64, 0x0012: 32, 0x0027: 32, 0x0028: 48, 0x0029: 64}
	out := map[uint16]uint16{}
	for range n {
		alg, size := c.U16(), c.U16()
		if c.Short || sizes[alg] == 0 || size != sizes[alg] || out[alg] != 0 {
			return nil, fmt.Errorf("algorithm %#04x of %d bytes: unknown, of another size, or twice", alg, size)
		}
		out[alg] = size
	}
	if c.Take(uint32(c.U8())); c.Short || len(c.Rest) > 0 {
		return nil, errors.New("vendor information does not end the event")
	}
	return out, nil
}

// event reads one TCG_PCR_EVENT2.
func (l *log) event(c *littleendian.Cursor, bank uint16) (event, error) {
	e := event{number: len(l.events) + 1, register: c.U32(), typ: EventType(c.U32())}
	n := c.U32()
	if int64(n) > int64(len(l.algorithms)) {
		return e, fmt.Errorf("%d digests, the header has %d", n, len(l.algorithms))
	}
	seen := map[uint16]bool{}
	for range n {
		alg := c.U16()
		if c.Short || l.algorithms[alg] == 0 || seen[alg] {
			return e, fmt.Errorf("digest of algorithm %#04x: not in the header, or twice", alg)
		}
		seen[alg] = true
		if d := c.Take(uint32(l.algorithms[alg])); alg == bank {
			e.digest = d
		}
	}
	e.data = c.Take(c.U32())
	switch {
	case c.Short:
		return e, errors.New("the log ends within it")
	case e.typ == NoAction && bytes.HasPrefix(e.data, specSignature):
		return e, errors.New("a second Spec ID event")
	case e.typ != NoAction && e.register >= maxIndex:
		return e, fmt.Errorf("register %d", e.register)
	case e.typ != NoAction && n == 0:
		return e, errors.New("no digest")
	}
	return e, nil
}
