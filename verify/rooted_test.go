package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// What somebody with root on a host whose boot is genuine could still make of its logs.

// padded lets the kernel extend the SHA-256 bank as Linux does before 5.8: by the template's SHA-1 and zeros.
func (f *forge) padded() {
	register := make([]byte, 32)
	for _, r := range records(f.logs[attest.LogIMA].Bytes) {
		next := sha256.Sum256(slices.Concat(register, r[4:24], make([]byte, 12)))
		register = next[:]
	}
	f.holds(func(m map[uint][]byte) { m[10] = register })
}

// policyLast is the list of a host where nothing loads the IMA policy and somebody reads it in the end, which leaves the same entry.
func policyLast(w *world) [][]byte {
	list := w.list()
	i := slices.IndexFunc(list, func(r []byte) bool { return bytes.Contains(r, []byte(imaPolicyPath+"\x00")) })
	policy := list[i]
	return append(slices.Delete(list, i, i+1), policy)
}

// runtimeRegister lets the agent state a register for its events.
func (f *forge) runtimeRegister(i uint) {
	before := f.tpmClaims
	f.tpmClaims = func(c *tpm.Claims) {
		call(before, c)
		c.RuntimeRegister = &i
		c.Absent = slices.DeleteFunc(slices.Clone(c.Absent), func(a attest.Absence) bool { return a.What == "runtime_register" })
	}
}

// runs lets an agent log its start in a register.
func (f *forge) runs(register uint) {
	f.t.Helper()
	ctx, bank := context.Background(), &sha256Bank{make([]byte, 32)}
	log, err := runlog.Open(ctx, runlog.Options{Path: filepath.Join(f.t.TempDir(), "runtime.cel"), BootID: [16]byte{1}, PCR: uint8(register), Register: bank,
		Clock: func() time.Time { return f.at }})
	if err != nil {
		f.t.Fatal(err)
	}
	defer log.Close()
	start := runlog.Start{Version: "1", AgentSHA256: digest32(1), ConfigDigest: [32]byte{2}, EvidenceKey: [32]byte{3}}
	if _, err := log.Append(ctx, runlog.TypeStart, start.Facts()); err != nil {
		f.t.Fatal(err)
	}
	b, _, err := log.Part(0, attest.MaxLogSize)
	f.runtimeRegister(register)
	f.holds(func(m map[uint][]byte) { m[register] = bank.value })
	f.sends(attest.LogCEL, 0, f.must(b, err), false)
}

// sha256Bank is a register of a TPM with one bank.
type sha256Bank struct{ value []byte }

func (b *sha256Bank) Read(context.Context) (map[uint16][]byte, error) {
	return map[uint16][]byte{runlog.SHA256: bytes.Clone(b.value)}, nil
}

func (b *sha256Bank) Extend(_ context.Context, digests map[uint16][]byte) error {
	next := sha256.Sum256(slices.Concat(b.value, digests[runlog.SHA256]))
	b.value = next[:]
	return nil
}

// A list is read, megabytes of it, to mend a register of a quote that is good in all else.
func TestNothingIsReadToMendWhatNoTPMSigned(t *testing.T) {
	for id, spoil := range map[string]func(*forge){
		"tpm.quote.signature": func(f *forge) {
			f.quote = func(q *tpm.Quote) { q.PCRs[10] = digest32(1); q.Signature[len(q.Signature)-1] ^= 1 }
		},
		"tpm.quote.pcr_values": func(f *forge) { f.quote = func(q *tpm.Quote) { q.PCRs[10] = digest32(1); q.PCRs[3] = q.PCRs[3][:31] } },
	} {
		f := vm(t, "secure-boot")
		spoil(f)
		f.sends(attest.LogIMA, 0, slices.Concat(f.list()[:400]...), false) // which mends nothing
		wants(t, f.result(nil, nil, TierVerified), "x "+id, "-tpm.quote.pcr_digest")
	}
}

func TestPaddedSHA1InTheSHA256BankReplays(t *testing.T) {
	w := newWorld(t)
	w.sends(attest.LogIMA, 0, slices.Concat(w.list()...), false)
	w.padded()
	wants(t, w.judge(nil), "+ima.prefix", "-ima.no_match", "!measured.ima_list")
}

func TestListThatNeverReplaysIsKeptUpToABound(t *testing.T) {
	one := imaFile("/" + strings.Repeat("a", 4000))
	never := func([]byte) bool { return false }
	for n, kept := range map[int]bool{maxUnended / len(one): true, maxUnended/len(one) + 1: false} {
		b := bytes.Repeat(one, n)
		m := readIMA(nodeLog{bytes: b, more: true, continued: true}, runlog.SHA256, never)
		if (m.unended != nil) != kept || m.replays || m.differs || m.lack == "" || m.lack == restarted {
			t.Errorf("%d bytes: keeps %d, %q", len(b), len(m.unended), m.lack)
		}
	}
}

// An entry's digest may be early in a reference; one that states none is early in no reference, not even in one that has zeros.
func TestEntryWithoutDigestIsNeverEarly(t *testing.T) {
	w := newWorld(t)
	r := w.reference()
	r.Measured = append(r.Measured, attest.MeasuredFile{Early: true})
	w.measured(slices.Insert(w.list(), 1, imaViolation("/x"))...)
	if got := open(w.judge(w.references(r))); !slices.Equal(got, []string{"ima_policy", "ima_violations"}) {
		t.Errorf("%v", got)
	}
}

func TestReferenceSaysWhatRunsBeforeThePolicy(t *testing.T) {
	w := newWorld(t)
	at := slices.IndexFunc(w.list(), func(r []byte) bool { return bytes.Contains(r, []byte(imaPolicyPath+"\x00")) })
	early := func() (n int) {
		for _, m := range w.reference().Measured {
			if m.Early {
				n++
			}
			if m.Policy && m.Early {
				t.Error("the policy stands before itself")
			}
		}
		return n
	}
	if n := early(); n == 0 || n >= at {
		t.Errorf("%d of %d entries before the policy are early", n, at) // the aggregate is none
	}
	// What a second boot has earlier than the first needs a reference of that boot.
	first := w.reference()
	list := w.list()
	moved := slices.Insert(slices.Delete(slices.Clone(list), quotedEntries-1, quotedEntries), 1, list[quotedEntries-1])
	w.measured(moved...)
	if got := open(w.judge(w.references(first))); !slices.Equal(got, []string{"ima_policy"}) {
		t.Errorf("%v", got)
	}
	if got := open(w.judge(w.references(first, w.reference()))); len(got) > 0 {
		t.Errorf("%v", got)
	}
	w.measured(replaced(t, w, imaPolicyPath, imaFile("/etc/ima/other"))...)
	if n := early(); n > 0 {
		t.Errorf("without a policy %d entries are early", n)
	}
}

func TestLateRegistersNeedAnExplanation(t *testing.T) {
	late := func(i uint) func(*world) {
		return func(w *world) { w.holds(func(m map[uint][]byte) { m[i] = digest32(7) }) }
	}
	agent := func(i uint) func(*world) { return func(w *world) { w.runs(i) } }
	both := func(w *world) { w.runs(13); late(11)(w) }
	for name, c := range map[string]struct {
		known, is func(*world)
		want      string
		seen      string
	}{
		"extension":               {func(*world) {}, late(13), "!boot.reference.differs", "register 13"},
		"part of the loader":      {func(*world) {}, late(11), "!boot.reference.differs", "register 11"},
		"referenced extension":    {late(13), late(13), "+boot.reference.match", ""},
		"another extension":       {late(13), func(w *world) { late(13)(w); w.holds(func(m map[uint][]byte) { m[13][0]++ }) }, "!boot.reference.differs", "register 13"},
		"agent's start":           {func(*world) {}, agent(13), "+boot.reference.match", ""},
		"agent's start, another":  {agent(13), agent(13), "+boot.reference.match", ""},
		"agent's start elsewhere": {func(*world) {}, agent(15), "+boot.reference.match", ""},
		"both":                    {func(*world) {}, both, "!boot.reference.differs", "register 11"},
		"agent's start, no log":   {func(*world) {}, func(w *world) { w.runs(13); delete(w.logs, attest.LogCEL) }, "!boot.reference.differs", "register 13"},
		"agent's, then another's": {func(*world) {}, func(w *world) { w.runs(13); late(13)(w) }, "!boot.reference.differs", "register 13"},
		"machine identity":        {func(*world) {}, late(15), "+boot.reference.match", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.known(w)
			r := w.reference()
			if exact, ok := r.Boots[0].Registers[13]; ok && !bytes.Equal(exact, digest32(7)) {
				t.Error("the agent's own register is in the reference: it changes with each start")
			}
			w = newWorld(t)
			c.is(w)
			got := w.judge(w.references(r))
			if wants(t, got, c.want); !strings.HasSuffix(seenOf(got, c.want[1:]), c.seen) {
				t.Errorf("%q", seenOf(got, c.want[1:]))
			}
		})
	}
}

func TestRuntimeRegisterThatExplainsNothingIsNotEvaluable(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*forge)
		seen   string
	}{
		"the firmware's":       {func(f *forge) { f.runs(4) }, "register 4 is not one"},
		"the policy's":         {func(f *forge) { f.runtimeRegister(10); f.sends(attest.LogCEL, 0, []byte{}, false) }, "register 10 is not one"},
		"one nobody extended":  {func(f *forge) { f.runtimeRegister(15); f.sends(attest.LogCEL, 0, []byte{}, false) }, "no event"},
		"a log of other bytes": {func(f *forge) { f.runs(13); f.sends(attest.LogCEL, 0, []byte{1, 2}, false) }, ""},
	} {
		f := vm(t, "secure-boot")
		c.change(f)
		r := f.result(nil, nil, TierVerified)
		if wants(t, r, "?runtime.not_evaluable", "-runtime.replays"); !strings.Contains(seenOf(r, "runtime.not_evaluable"), c.seen) {
			t.Errorf("%s: %q", name, seenOf(r, "runtime.not_evaluable"))
		}
	}
	for _, i := range runtimeRegisters {
		f := vm(t, "secure-boot")
		f.runs(i)
		wants(t, f.result(nil, nil, TierVerified), "+runtime.replays")
	}
	// What is kept of an earlier boot goes when the register begins anew.
	f := vm(t, "secure-boot")
	f.runs(13)
	kept := f.logs[attest.LogCEL].Bytes
	f.holds(func(m map[uint][]byte) { m[13] = make([]byte, 32) })
	f.sends(attest.LogCEL, len(kept), []byte{}, false)
	if r := f.result(nil, keeping(attest.LogCEL, kept), TierVerified); !dropped(r, attest.LogCEL) {
		t.Errorf("keeps %d bytes", len(r.Logs[attest.LogCEL]))
	}
}

// What an earlier verdict said stands until the node is enrolled again, however well the clock goes on.
func TestEarlierFindingsStandUntilEnrolment(t *testing.T) {
	old := uint64(365 * day)
	for id, want := range map[string]string{"tpm.cleared": "!tpm.cleared", "clock.rollback": "x clock.rollback"} {
		for after, name := range map[int64]string{hour: "an hour later", minute: "to one who asks each minute"} {
			tl := newTimeline(t)
			v := *tl.quotes(0, at(old, 7, 2), nil).Verdict
			v.Findings = []string{id}
			h := &History{Verdicts: []attest.Verdict{v}}
			wants(t, tl.quotes(after, at(old+uint64(after), 7, 2), h), want, "-clock.continuous", "-clock.not_evaluable")
			tl.node = func(n *attest.Node) { n.Enrolled = ms(tl.at) }
			r := tl.quotes(after, at(old+uint64(after), 7, 2), h)
			if wants(t, r, "-"+id); t.Failed() {
				t.Fatal(name)
			}
		}
	}
}

// A validator that asks every ten seconds keeps no verdict that is surely earlier, once sixteen are near.
func TestClearedTPMIsRememberedByWhoAsksOften(t *testing.T) {
	tl, h := newTimeline(t), &History{}
	h.Verdicts = append(h.Verdicts, *tl.quotes(0, at(365*day, 7, 2), nil).Verdict)
	for i := range int64(40) {
		now := int64(hour) + i*5000
		r := tl.quotes(now, at(uint64(minute+i*5000), 0, 0), h)
		wants(t, r, "!tpm.cleared", "-clock.continuous")
		if h.Verdicts = append(h.Verdicts, *r.Verdict); len(h.Verdicts) > 16 {
			h.Verdicts = h.Verdicts[1:]
		}
		if t.Failed() {
			t.Fatalf("verdict %d", i)
		}
	}
}

func TestClearedTPMClosesNoWorld(t *testing.T) {
	w := newWorld(t)
	known := w.references(w.reference())
	enrolled := ms(w.at.Add(-24 * time.Hour))
	w.node = func(n *attest.Node) { n.Enrolled = enrolled }
	v := *w.judge(known).Verdict
	v.Sent, v.Received, v.Findings = v.Sent-hour, v.Received-hour, []string{"tpm.cleared"}
	r := w.forge.result(known, &History{Verdicts: []attest.Verdict{v}}, TierEnterpriseMeasured)
	if got := open(r); !slices.Equal(got, []string{"root"}) || r.Claims[attest.KindHost].Assurance == Measured {
		t.Errorf("%v, host %s", got, r.Claims[attest.KindHost].Assurance)
	}
}

func TestClearedTPMIsNoHardwareRoot(t *testing.T) {
	f := vm(t, "secure-boot")
	enrolled := ms(f.at.Add(-24 * time.Hour))
	f.node = func(n *attest.Node) { n.Enrolled = enrolled }
	before := *f.result(nil, nil, TierVerified).Verdict
	before.Sent, before.Received, before.Clock.Clock, before.Clock.Resets = before.Sent-hour, before.Received-hour, 365*day, 9
	h := &History{Verdicts: []attest.Verdict{before}}
	r := f.result(nil, h, TierVerified)
	if r.Accepted || r.Tier != TierCommunity || !slices.Contains(r.Unmet, Unmet{TierVerified, string(DemandHardwareRoot), "tpm.cleared"}) {
		t.Errorf("%s, %+v", r.Tier, r.Unmet)
	}
	if bad := ids(r, Contraindicated); len(bad) > 0 {
		t.Errorf("clearing is no crime: %v", bad)
	}
	enrolled = ms(f.at)
	if r := f.result(nil, h, TierVerified); !r.Accepted {
		t.Errorf("enrolled again: %+v", r.Unmet)
	}
}
