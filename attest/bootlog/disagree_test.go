package bootlog

import (
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// ownRegisters gives the registers that the log replays to.
func ownRegisters(t testing.TB, raw []byte, bank uint16) map[uint][]byte {
	l, err := parse(raw, bank)
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint][]byte{}
	for _, r := range l.replay(nil) {
		out[r.Index] = r.Replayed
	}
	return out
}

func TestReadersThatDifferLeaveSecureBootUnknown(t *testing.T) {
	raw, err := os.ReadFile("testdata/vm-secureboot.bin")
	if err != nil {
		t.Fatal(err)
	}
	says := func(on bool, change func(map[string][]attest.Digest), err error) reader {
		return reader{"other", func(raw []byte, l *log, quoted []byte) (bool, map[string][]attest.Digest, error) {
			_, keys, realErr := goEventlog(raw, l, quoted)
			if change != nil {
				change(keys)
			}
			return on, keys, errors.Join(realErr, err)
		}}
	}
	for name, c := range map[string]struct {
		reader   reader
		disagree bool
		reason   string
	}{
		"alike":           {says(true, nil, nil), false, ""},
		"off":             {says(false, nil, nil), true, "disagree"},
		"another key":     {says(true, func(k map[string][]attest.Digest) { k["db"][0] = sha256.Sum256(nil) }, nil), true, "disagree"},
		"a key less":      {says(true, func(k map[string][]attest.Digest) { k["dbx"] = nil }, nil), true, "disagree"},
		"does not know":   {says(false, nil, errors.New("gives up")), false, "other: gives up"},
		"on and an error": {says(true, nil, errors.New("gives up")), false, "other: gives up"},
		"panics":          {reader{"other", func([]byte, *log, []byte) (bool, map[string][]attest.Digest, error) { panic("hostile") }}, false, "hostile"},
		"go-eventlog":     {reader{"go-eventlog", goEventlog}, false, ""},
		"go-attestation":  {reader{"go-attestation", goAttestation}, false, ""},
		"writes what it is": {reader{"other", func(raw []byte, _ *log, _ []byte) (bool, map[string][]attest.Digest, error) {
			clear(raw)
			return false, nil, errors.New("x")
		}}, false, "x"},
	} {
		for _, bank := range []uint16{algSHA256, algSHA384} {
			r := judge(raw, bank, ownRegisters(t, raw, bank), []reader{c.reader})
			on, err := r.SecureBoot.Get()
			if r.Disagree != c.disagree || (err == nil) != (c.reason == "") || on != (c.reason == "") {
				t.Errorf("%s, bank %#x: disagree %v, on %v, %v", name, bank, r.Disagree, on, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s, bank %#x: %v", name, bank, err)
			}
			if r.PK.Err() != nil || r.Authorities.Err() != nil {
				t.Errorf("%s: a library cost facts that it does not give", name)
			}
		}
	}
}

// What malformed signature lists would make go-eventlog allocate never reaches it.
func TestMalformedKeyListsReachNoLibrary(t *testing.T) {
	le := func(b ...uint32) (out []byte) {
		for _, x := range b {
			out = append(out, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
		}
		return out
	}
	kind := make([]byte, 16)
	for name, tail := range map[string][]byte{
		"entries of no size":  le(28+48, 0, 0),
		"entries of an owner": le(28+48, 0, 16),
		"entries of 4 GiB":    le(28+48, 0, 1<<32-1),
		"shorter than itself": le(12, 0, 48),
		"longer than all":     le(1<<20, 0, 48),
		"a header":            le(28+48, 16, 16),
		"remainder":           le(28+47, 0, 48),
		"cut":                 le(28)[:3],
	} {
		list := append(append(append([]byte(nil), kind...), tail...), make([]byte, 48)...)
		if _, err := parseKeys(list[:min(len(list), 28+48)]); err == nil {
			t.Errorf("%s is a list", name)
		}
	}
	called := false
	spy := reader{"spy", func([]byte, *log, []byte) (bool, map[string][]attest.Digest, error) {
		called = true
		return true, nil, nil
	}}
	p := &policyEvents{lists: map[string]KeyList{}, bad: map[string]error{"dbx": errors.New("malformed")}}
	got := opinions(p, []reader{spy}, view{&log{}, make([]Register, 8)}, nil)
	if called || len(got) != 1 || got[0].Err == nil {
		t.Errorf("called %v, opinions %+v", called, got)
	}
}
