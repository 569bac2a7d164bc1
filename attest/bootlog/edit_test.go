package bootlog_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// record is an event as an attacker handles it.
type record struct {
	register, typ uint32
	digests       []digestOf
	data          []byte
}

type digestOf struct {
	alg   uint16
	bytes []byte
}

// editable is a log taken apart; raw puts it together again.
type editable struct {
	header  []byte
	records []record
}

func edit(raw []byte) *editable {
	le := binary.LittleEndian
	sizes := map[uint16]int{4: 20, 11: 32, 12: 48}
	at := 32 + int(le.Uint32(raw[28:]))
	e := &editable{header: bytes.Clone(raw[:at])}
	for at < len(raw) {
		r := record{register: le.Uint32(raw[at:]), typ: le.Uint32(raw[at+4:])}
		n := le.Uint32(raw[at+8:])
		at += 12
		for range n {
			alg := le.Uint16(raw[at:])
			r.digests = append(r.digests, digestOf{alg, bytes.Clone(raw[at+2 : at+2+sizes[alg]])})
			at += 2 + sizes[alg]
		}
		size := int(le.Uint32(raw[at:]))
		r.data = bytes.Clone(raw[at+4 : at+4+size])
		at += 4 + size
		e.records = append(e.records, r)
	}
	return e
}

func (e *editable) raw() []byte {
	le := binary.LittleEndian
	out := bytes.Clone(e.header)
	for _, r := range e.records {
		out = le.AppendUint32(le.AppendUint32(out, r.register), r.typ)
		out = le.AppendUint32(out, uint32(len(r.digests)))
		for _, d := range r.digests {
			out = append(le.AppendUint16(out, d.alg), d.bytes...)
		}
		out = append(le.AppendUint32(out, uint32(len(r.data))), r.data...)
	}
	return out
}

// find gives the first record of a register whose data contains text, plain or UTF-16.
func (e *editable) find(t testing.TB, register uint32, text string) *record {
	for i := range e.records {
		r := &e.records[i]
		if r.register == register && (bytes.Contains(r.data, []byte(text)) || bytes.Contains(r.data, wide(text))) {
			return r
		}
	}
	t.Fatalf("no event with %q in register %d", text, register)
	return nil
}

func (e *editable) drop(r *record) {
	e.records = slices.DeleteFunc(e.records, func(x record) bool { return x.register == r.register && bytes.Equal(x.data, r.data) })
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// measure sets the digests to those of data, as a TPM that was extended anew would have them.
func (r *record) measure(data []byte) {
	for i, d := range r.digests {
		if d.alg == 4 {
			continue
		}
		h := newHash(d.alg)
		h.Write(data)
		r.digests[i].bytes = h.Sum(nil)
	}
}

// event makes a record whose digests are those of measured.
func event(register, typ uint32, data, measured []byte) record {
	r := record{register: register, typ: typ, data: data, digests: []digestOf{{sha256Bank, nil}, {sha384Bank, nil}}}
	r.measure(measured)
	return r
}

// vm judges an edited log of our machine by the registers that its TPM quoted.
func vm(t *testing.T, change func(*editable)) *bootlog.Report {
	raw := sampleOf(t, "vm-secureboot")
	pcrs, _ := quoted(t, "vm-secureboot", sha256Bank, raw)
	e := edit(raw)
	change(e)
	return bootlog.Judge(e.raw(), sha256Bank, pcrs)
}

// remeasured judges an edited log by registers that were extended so: what a
// machine would show on which this was measured.
func remeasured(t *testing.T, change func(*editable)) *bootlog.Report {
	e := edit(sampleOf(t, "vm-secureboot"))
	change(e)
	return bootlog.Judge(e.raw(), sha256Bank, replay(e.raw(), sha256Bank, 0))
}

func equal(t *testing.T, r *bootlog.Report, register uint) bool {
	for _, x := range r.Registers {
		if x.Index == register {
			return x.Equal
		}
	}
	t.Fatalf("register %d is not reported", register)
	return false
}
