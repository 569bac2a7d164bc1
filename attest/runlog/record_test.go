package runlog_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// Records as docs/kinds/runlog.md tells, made apart from the code under test.

func tlv(typ byte, parts ...[]byte) []byte {
	v := slices.Concat(parts...)
	return append(binary.BigEndian.AppendUint32([]byte{typ}, uint32(len(v))), v...)
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

type event map[string]any

func startEvent() event {
	return event{"boot_id": bytes.Repeat([]byte{7}, 16), "sequence": uint64(0), "previous": make([]byte, 32), "type": "start", "at": uint64(1),
		"facts": map[string]any(start.Facts())}
}

func (e event) with(k string, v any) event {
	c := event{}
	for key, value := range e {
		c[key] = value
	}
	c[k] = v
	if v == nil {
		delete(c, k)
	}
	return c
}

func (e event) content(t testing.TB) []byte {
	t.Helper()
	b, err := attest.Marshal(map[string]any(e))
	if err != nil {
		t.Fatal(err)
	}
	return tlv(200, b)
}

func (e event) record(t testing.TB) []byte { return frame(0, 13, e.content(t)) }

func frame(n uint64, pcr byte, content []byte) []byte {
	d := sha256.Sum256(content)
	return slices.Concat(tlv(0, number(n)), tlv(1, []byte{pcr}), tlv(3, tlv(11, d[:])), content)
}

func badFacts() map[string]runlog.Facts {
	many := runlog.Facts{}
	for i := range runlog.MaxFacts + 1 {
		many[strings.Repeat("k", i%runlog.MaxKey+1)+strings.Repeat("_", i/runlog.MaxKey)] = uint64(1)
	}
	large := runlog.Facts{}
	for i := range 9 {
		large[strings.Repeat("k", i+1)] = make([]byte, runlog.MaxValue)
	}
	return map[string]runlog.Facts{
		"too many":         many,
		"too large in all": large,
		"long bytes":       {"k": make([]byte, runlog.MaxValue+1)},
		"long text":        {"k": strings.Repeat("x", runlog.MaxValue+1)},
		"control in text":  {"k": "a\x1b[0m"},
		"not UTF-8":        {"k": "\xff"},
		"negative":         {"k": int64(-1)},
		"float":            {"k": 0.5},
		"nested":           {"k": map[string]any{"a": uint64(1)}},
		"list":             {"k": []any{uint64(1)}},
		"nothing":          {"k": nil},
		"no name":          {"": uint64(1)},
		"long name":        {strings.Repeat("k", runlog.MaxKey+1): uint64(1)},
		"capitals":         {"Key": uint64(1)},
	}
}

func TestContinueRejectsBadRecords(t *testing.T) {
	good := startEvent()
	if l := replay(t, runlog.SHA256, good.record(t)); len(l.Records) != 1 || l.Records[0].Event.Facts["version"] != start.Version {
		t.Fatalf("the model itself: %+v", l.Records)
	}
	c := good.content(t)
	d := sha256.Sum256(c)
	digest := tlv(11, d[:])
	head := slices.Concat(tlv(0, number(0)), tlv(1, []byte{13}))
	wrong := bytes.Repeat([]byte{1}, 32)
	bad := map[string][]byte{
		"number of 4 bytes":    slices.Concat(tlv(0, number(0)[:4]), head[13:], tlv(3, digest), c),
		"index of 4 bytes":     slices.Concat(tlv(0, number(0)), tlv(1, []byte{0, 0, 0, 13}), tlv(3, digest), c),
		"index 24":             frame(0, 24, c),
		"NV index":             slices.Concat(tlv(0, number(0)), tlv(2, []byte{13}), tlv(3, digest), c),
		"no digest":            slices.Concat(head, tlv(3), c),
		"digest of another":    slices.Concat(head, tlv(3, tlv(11, wrong)), c),
		"second digest wrong":  slices.Concat(head, tlv(3, digest, tlv(12, make([]byte, 48))), c),
		"short digest":         slices.Concat(head, tlv(3, tlv(11, d[:31])), c),
		"unknown bank":         slices.Concat(head, tlv(3, tlv(0x12, d[:])), c),
		"bank twice":           slices.Concat(head, tlv(3, digest, digest), c),
		"cut digests":          slices.Concat(head, tlv(3, digest[:10]), c),
		"other content":        slices.Concat(head, tlv(3, digest), tlv(80, c[5:])),
		"empty content":        frame(0, 13, tlv(200)),
		"large content":        frame(0, 13, tlv(200, make([]byte, runlog.MaxContent+1))),
		"trailing CBOR":        frame(0, 13, tlv(200, c[5:], []byte{0})),
		"fields out of order":  slices.Concat(tlv(1, []byte{13}), tlv(0, number(0)), tlv(3, digest), c),
		"number of another":    frame(1, 13, c),
		"unknown key":          good.with("x", uint64(1)).record(t),
		"no boot id":           good.with("boot_id", make([]byte, 16)).record(t),
		"missing boot id":      good.with("boot_id", nil).record(t),
		"short boot id":        good.with("boot_id", make([]byte, 15)).record(t),
		"boot id as list":      good.with("boot_id", []any{uint64(1)}).record(t),
		"long previous":        good.with("previous", make([]byte, 33)).record(t),
		"no time":              good.with("at", uint64(0)).record(t),
		"float time":           good.with("at", 1.5).record(t),
		"unknown type":         good.with("type", "crash").record(t),
		"first is an engine":   good.with("type", "engine").record(t),
		"no facts":             good.with("facts", nil).record(t),
		"start without facts":  good.with("facts", map[string]any{}).record(t),
		"version as number":    good.with("facts", map[string]any(facts("version", uint64(1)))).record(t),
		"short agent digest":   good.with("facts", map[string]any(facts("agent_sha256", make([]byte, 31)))).record(t),
		"no config digest":     good.with("facts", map[string]any(facts("config_digest", nil))).record(t),
		"no key digest":        good.with("facts", map[string]any(facts("evidence_key", nil))).record(t),
		"no version":           good.with("facts", map[string]any(facts("version", nil))).record(t),
		"text as key digest":   good.with("facts", map[string]any(facts("evidence_key", strings.Repeat("k", 32)))).record(t),
		"long fsverity digest": good.with("facts", map[string]any(facts("agent_fsverity", make([]byte, 33)))).record(t),
	}
	for name, f := range badFacts() {
		all := facts("version", "1")
		for k, v := range f {
			all[k] = v
		}
		bad["facts: "+name] = good.with("facts", map[string]any(all)).record(t)
	}
	for name, b := range bad {
		l, err := runlog.NewReplay(runlog.SHA256, 13).Continue(b)
		if !errors.Is(err, runlog.ErrMalformed) && !errors.Is(err, runlog.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
		if len(l.Records) != 0 || l.Pending != len(b) {
			t.Errorf("%s: %d records", name, len(l.Records))
		}
	}
	for _, name := range []string{"agent_sha256", "agent_fsverity"} { // an agent that could not measure itself says so by leaving it out
		if l := replay(t, runlog.SHA256, good.with("facts", map[string]any(facts(name, nil))).record(t)); len(l.Records) != 1 {
			t.Errorf("a start without %s is refused", name)
		}
	}
}

// facts are the facts of a start with one exchanged, or dropped.
func facts(name string, v any) runlog.Facts {
	f := start.Facts()
	f[name] = v
	if v == nil {
		delete(f, name)
	}
	return f
}

func TestContinueRejectsABrokenChain(t *testing.T) {
	first := startEvent().record(t)
	prev := sha256.Sum256(first)
	second := startEvent().with("sequence", uint64(1)).with("previous", prev[:])
	if l := replay(t, runlog.SHA256, slices.Concat(first, frame(1, 13, second.content(t)))); len(l.Records) != 2 {
		t.Fatalf("the model itself: %d records", len(l.Records))
	}
	other := prev
	other[0] ^= 1
	for name, b := range map[string][]byte{
		"gap":              frame(2, 13, second.with("sequence", uint64(2)).content(t)),
		"again":            first,
		"another boot":     frame(1, 13, second.with("boot_id", bytes.Repeat([]byte{8}, 16)).content(t)),
		"another record":   frame(1, 13, second.with("previous", other[:]).content(t)),
		"another register": frame(1, 14, second.content(t)),
	} {
		l, err := runlog.NewReplay(runlog.SHA256, 13).Continue(slices.Concat(first, b))
		if !errors.Is(err, runlog.ErrChain) || len(l.Records) != 1 || l.Pending != len(b) {
			t.Errorf("%s: %d records, %v", name, len(l.Records), err)
		}
		after := replay(t, runlog.SHA256, first).At(1)
		if _, err := after.Continue(b); !errors.Is(err, runlog.ErrChain) {
			t.Errorf("%s, continued: %v", name, err)
		}
	}
	if _, err := runlog.NewReplay(runlog.SHA256, 13).Continue(frame(1, 13, second.content(t))); !errors.Is(err, runlog.ErrChain) {
		t.Errorf("a log without its beginning: %v", err)
	}
	full := runlog.NewReplay(runlog.SHA256, 13)
	full.Records, full.BootID = runlog.MaxRecords, [16]byte(bytes.Repeat([]byte{7}, 16))
	over := startEvent().with("sequence", uint64(runlog.MaxRecords))
	if _, err := full.Continue(frame(runlog.MaxRecords, 13, over.content(t))); !errors.Is(err, runlog.ErrLimit) {
		t.Errorf("one record too many: %v", err)
	}
}

func TestContinueRejectsForeignStatesAndLongParts(t *testing.T) {
	first := startEvent().record(t)
	for _, r := range []runlog.Replay{{}, {Bank: 0x12, Register: make([]byte, 32)}, {Bank: runlog.SHA256, Register: make([]byte, 48)}} {
		if _, err := r.Continue(first); !errors.Is(err, runlog.ErrBank) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if l, err := runlog.NewReplay(runlog.SHA384, 13).Continue(first); !errors.Is(err, runlog.ErrBank) || len(l.Records) != 0 || l.Pending != len(first) {
		t.Errorf("a record without this bank's digest: %v", err)
	}
	c := startEvent().content(t)
	d256, d384 := sha256.Sum256(c), sha512.Sum384(c)
	both := slices.Concat(tlv(0, number(0)), tlv(1, []byte{13}), tlv(3, tlv(11, d256[:]), tlv(12, d384[:])), c)
	prev := sha256.Sum256(both)
	one := frame(1, 13, startEvent().with("sequence", uint64(1)).with("previous", prev[:]).content(t))
	if l, err := runlog.NewReplay(runlog.SHA384, 13).Continue(slices.Concat(both, one)); !errors.Is(err, runlog.ErrBank) || len(l.Records) != 1 || l.Pending != len(one) {
		t.Errorf("a bank that goes: %d records, %v", len(l.Records), err)
	}
	if _, err := runlog.NewReplay(runlog.SHA256, 13).Continue(make([]byte, runlog.MaxLog+1)); !errors.Is(err, runlog.ErrLimit) {
		t.Error(err)
	}
}

func TestReplayContinuesWhereAPartEnds(t *testing.T) {
	o := options(t, newRegister(runlog.SHA256), 1)
	fill(t, open(t, o))
	all := file(t, o.Path)
	list := replay(t, runlog.SHA256, all)
	want := list.At(3)
	for cut := range all {
		first := replay(t, runlog.SHA256, all[:cut])
		middle := first.At(len(first.Records))
		if int(middle.Bytes)+first.Pending != cut {
			t.Fatalf("cut at %d: %d consumed, %d pending", cut, middle.Bytes, first.Pending)
		}
		second, err := middle.Continue(all[middle.Bytes:])
		if err != nil {
			t.Fatal(err)
		}
		if got := second.At(len(second.Records)); !bytes.Equal(got.Register, want.Register) || got.Records != 3 || got.Bytes != want.Bytes || got.Previous != want.Previous || got.BootID != o.BootID {
			t.Fatalf("cut at %d: %+v, want %+v", cut, got, want)
		}
	}
	for n := range 4 {
		register := list.At(n).Register
		if got, size, ok := list.LongestPrefix(func(r []byte) bool { return bytes.Equal(r, register) }); !ok || got != n || uint64(size) != list.At(n).Bytes {
			t.Errorf("prefix of %d: %d, %d bytes, %v", n, got, size, ok)
		}
	}
	if _, _, ok := list.LongestPrefix(func([]byte) bool { return false }); ok {
		t.Error("a prefix without a match")
	}
}
