package verify

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// from lets the node send a log from an offset, as it is asked with a history.
func (f *forge) from(name string, offset int) *forge {
	return f.sends(name, offset, f.logs[name].Bytes[offset:], false)
}

func keeping(name string, b []byte) *History { return &History{Logs: map[string][]byte{name: b}} }

func dropped(r *Result, name string) bool { b, ok := r.Logs[name]; return ok && b == nil }

func TestListContinuesWhatTheHistoryHolds(t *testing.T) {
	list := vm(t, "secure-boot").logs[attest.LogIMA].Bytes
	const covered = 72880
	cut := len(slices.Concat(records(list)[:300]...))
	for _, at := range []int{cut, covered, len(list)} {
		f := vm(t, "secure-boot").from(attest.LogIMA, at)
		kept := bytes.Clone(list[:at])
		r := f.result(nil, keeping(attest.LogIMA, kept), TierVerified)
		wants(t, r, "+ima.prefix", "-ima.not_evaluable")
		if !bytes.Equal(r.Logs[attest.LogIMA], list[:covered]) || !bytes.Equal(kept, list[:at]) {
			t.Errorf("from %d: keeps %d bytes", at, len(r.Logs[attest.LogIMA]))
		}
	}
	// What is kept may be longer than what was asked for: another exchange kept more meanwhile.
	f := vm(t, "secure-boot").from(attest.LogIMA, cut)
	wants(t, f.result(nil, keeping(attest.LogIMA, list[:covered]), TierVerified), "+ima.prefix")
	// The kept beginning mends register 10 too.
	f.quote = func(q *tpm.Quote) { q.PCRs[10] = replay10(records(list)[:7]) }
	wants(t, f.result(nil, keeping(attest.LogIMA, list[:covered]), TierVerified), "+ima.prefix", "+tpm.quote.ok")
	f.quote = nil
	r := f.result(nil, keeping(attest.LogIMA, list[:cut-1]), TierVerified)
	if wants(t, r, "?ima.not_evaluable"); !strings.Contains(seenOf(r, "ima.not_evaluable"), "the history holds") || dropped(r, attest.LogIMA) {
		t.Errorf("%q", seenOf(r, "ima.not_evaluable"))
	}
	wants(t, f.result(nil, nil, TierVerified), "?ima.not_evaluable")
}

func TestKeptLogThatNoLongerFitsIsDropped(t *testing.T) {
	list := vm(t, "secure-boot").logs[attest.LogIMA].Bytes
	boot := vm(t, "secure-boot").logs[attest.LogBoot].Bytes
	cut := len(slices.Concat(records(list)[:300]...))
	absent := func(name string) attest.Absence { return attest.Absent(name, attest.Failed, "no entry begins there") }
	tampered := bytes.Clone(list[:cut])
	tampered[cut-3] ^= 1
	for name, c := range map[string]struct {
		log    string
		change func(*forge)
		kept   []byte
		finds  string
	}{
		"list tampered with":      {attest.LogIMA, func(f *forge) { f.from(attest.LogIMA, cut) }, tampered, "?ima.not_evaluable"},
		"list of an earlier boot": {attest.LogIMA, func(f *forge) { f.from(attest.LogIMA, cut) }, slices.Concat(records(readTestdata(t, "../testdata/vm/changed-cmdline/ima.bin"))[:400]...)[:cut], "?ima.not_evaluable"},
		"list now shorter":        {attest.LogIMA, func(f *forge) { f.sends(attest.LogIMA, cut, []byte{}, false) }, list[:cut], "?ima.not_evaluable"},
		"list's offset refused": {attest.LogIMA, func(f *forge) {
			a := absent(attest.LogIMA)
			f.logs[attest.LogIMA] = attest.Part{Offset: uint64(cut), Bytes: []byte{}, Absent: &a}
		}, list[:cut], "?ima.not_evaluable"},
		"boot log of another":  {attest.LogBoot, func(f *forge) { f.boots("changed-cmdline").sends(attest.LogBoot, len(boot), []byte{}, false) }, boot, "?boot.not_evaluable"},
		"boot log now shorter": {attest.LogBoot, func(f *forge) { f.boots("secure-boot-off").sends(attest.LogBoot, len(boot), []byte{}, false) }, boot, "?boot.not_evaluable"},
		"boot log's offset refused": {attest.LogBoot, func(f *forge) {
			a := absent(attest.LogBoot)
			f.logs[attest.LogBoot] = attest.Part{Offset: uint64(len(boot)), Bytes: []byte{}, Absent: &a}
		}, boot, "?boot.not_evaluable"},
		"boot log that is noise": {attest.LogBoot, func(f *forge) { f.sends(attest.LogBoot, 9, []byte{}, false) }, []byte("no log at"), "?boot.not_evaluable"},
	} {
		f := vm(t, "secure-boot")
		c.change(f)
		r := f.result(nil, keeping(c.log, c.kept), TierVerified)
		wants(t, r, c.finds, "-boot.replay", "-ima.no_match")
		if !dropped(r, c.log) || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("%s: keeps %v bytes, contradicted by %v", name, len(r.Logs[c.log]), ids(r, Contraindicated))
		}
	}
	f := vm(t, "secure-boot").from(attest.LogBoot, len(boot))
	r := f.result(nil, keeping(attest.LogBoot, boot), TierVerified)
	if wants(t, r, "+boot.replays"); !bytes.Equal(r.Logs[attest.LogBoot], boot) {
		t.Error("a log that fits is not kept")
	}
}

// A list longer than a part is read over several records.
func TestListThatGoesOnIsReadInParts(t *testing.T) {
	all := vm(t, "secure-boot").list()
	third := len(slices.Concat(all[:200]...))
	h := &History{Logs: map[string][]byte{}}
	whole := slices.Concat(all...)
	for i, c := range []struct {
		from, to int
		more     bool
		want     string
	}{{0, third + 40, true, "?ima.not_evaluable"}, {third, 2*third + 7, true, "?ima.not_evaluable"}, {-1, len(whole), false, "+ima.prefix"}} {
		if c.from < 0 {
			c.from = len(h.Logs[attest.LogIMA])
		}
		f := vm(t, "secure-boot").sends(attest.LogIMA, c.from, whole[c.from:c.to], c.more)
		r := f.result(nil, h, TierVerified)
		wants(t, r, c.want, "-ima.no_match")
		kept := r.Logs[attest.LogIMA]
		if len(kept) == 0 || len(kept) > c.to || c.to-len(kept) > 150 || !bytes.Equal(kept, whole[:len(kept)]) {
			t.Fatalf("part %d: keeps %d of %d bytes", i, len(kept), c.to)
		}
		if list, err := ima.NewReplay(ima.Bank{Alg: ima.SHA256}).Continue(kept); err != nil || list.Pending != 0 {
			t.Errorf("part %d: keeps half an entry", i)
		}
		h.Logs[attest.LogIMA] = kept
	}
}

// An older record, judged by an auditor, takes nothing from what a later one kept.
func TestRecordOlderThanTheHistoryKeepsNothing(t *testing.T) {
	f := vm(t, "secure-boot")
	later := *f.result(nil, nil, TierVerified).Verdict
	later.Sent += uint64(time.Hour.Milliseconds())
	later.Received += uint64(time.Hour.Milliseconds())
	later.Record = attest.Digest(sha256.Sum256(nil))
	if r := f.result(nil, &History{Verdicts: []attest.Verdict{later}}, TierVerified); len(r.Logs) > 0 {
		t.Errorf("%d logs", len(r.Logs))
	}
	later.UEID[3] ^= 1
	if r := f.result(nil, &History{Verdicts: []attest.Verdict{later}}, TierVerified); len(r.Logs) == 0 {
		t.Error("another node's verdict counts")
	}
}

func TestRefusedRecordLeavesNoVerdict(t *testing.T) {
	f := vm(t, "secure-boot")
	f.envelope = flipSignature
	if r := f.result(nil, nil, TierVerified); r.Verdict != nil || r.Logs != nil {
		t.Errorf("%+v", r.Verdict)
	}
}
