package verify

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// What the network, or a node that hopes for a careless reader, makes of a window is never more than no window.
func TestWindowThatWasChangedIsNotTheQuotes(t *testing.T) {
	rewrite := func(t testing.TB, b []byte, fit bool) []byte {
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			t.Fatal(err)
		}
		records, _, err := c.Verify()
		if err != nil {
			t.Fatal(err)
		}
		records[7].Devices[0].Values[1] ^= 1
		again, err := telemetry.NewChunk(c.Begin(), records)
		if err != nil {
			t.Fatal(err)
		}
		if !fit {
			again.After = c.After
		}
		out, err := again.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, change := range map[string]func(t testing.TB, w *attest.Window){
		"a byte flipped":                 func(_ testing.TB, w *attest.Window) { w.Chunks[1][len(w.Chunks[1])/2] ^= 1 },
		"a value, under the old hash":    func(t testing.TB, w *attest.Window) { w.Chunks[1] = rewrite(t, w.Chunks[1], false) },
		"a value, rehashed":              func(t testing.TB, w *attest.Window) { w.Chunks[1] = rewrite(t, w.Chunks[1], true) },
		"a value of the last, rehashed":  func(t testing.TB, w *attest.Window) { w.Chunks[2] = rewrite(t, w.Chunks[2], true) },
		"a value of the first, rehashed": func(t testing.TB, w *attest.Window) { w.Chunks[0] = rewrite(t, w.Chunks[0], true) },
		"a chunk dropped":                func(_ testing.TB, w *attest.Window) { w.Chunks = slices.Delete(w.Chunks, 1, 2) },
		"the last dropped":               func(_ testing.TB, w *attest.Window) { w.Chunks = w.Chunks[:2] },
		"chunks swapped":                 func(_ testing.TB, w *attest.Window) { w.Chunks[1], w.Chunks[2] = w.Chunks[2], w.Chunks[1] },
		"a chunk twice":                  func(_ testing.TB, w *attest.Window) { w.Chunks = slices.Insert(w.Chunks, 1, w.Chunks[1]) },
		"no chunk": func(_ testing.TB, w *attest.Window) {
			w.Chunks = [][]byte{w.Chunks[2][:9]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGPULog(t, time.Second, 1)
			first := g.sweeps(70).answers(nil)
			g.sweeps(150)
			g.send = func(w *attest.Window) { change(t, w) }
			r := g.judged(g.answers(g.since(first)), nil, first)
			wants(t, r, "!telemetry.chain", "-telemetry.shown", "-telemetry.bracketed", "-telemetry.fork")
			if met(r) != "telemetry.chain" || len(ids(r, Contraindicated)) > 0 || r.Telemetry != nil {
				t.Errorf("%s, %v", met(r), ids(r, Contraindicated))
			}
		})
	}
}

func TestWindowThatIsMissingAccusesNobody(t *testing.T) {
	for name, send := range map[string]func(*attest.Response){
		"absent": func(r *attest.Response) {
			a := attest.Absent(attest.WindowAbsent, attest.NotPermitted, "the key is not listed")
			r.Window = &attest.Window{Absent: &a, Chunks: [][]byte{}}
		},
		"taken": func(r *attest.Response) { r.Window = nil },
	} {
		g := newGPULog(t, time.Second, 1)
		g.sweeps(70).answers(seconds(60))
		g.response = send
		r := g.judged(g.make(), nil)
		if wants(t, r, "!telemetry.window_missing", "-telemetry.shown"); met(r) != "telemetry.window_missing" || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("%s: %s", name, met(r))
		}
	}
	g := newGPULog(t, time.Second, 1)
	g.sweeps(70).answers(seconds(60))
	delete(g.claims, attest.KindTelemetry)
	wants(t, g.judged(g.make(), nil), "!telemetry.window_missing", "?kind.absent")
}

// A window that nobody asked for is nothing.
func TestWindowThatWasNotAskedForIsNotRead(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	g.sweeps(70).answers(nil)
	g.response = func(r *attest.Response) { r.Window = g.window(seconds(60)) }
	if r := g.judged(g.make(), nil); r.Telemetry != nil || met(r) != "telemetry.not_evaluable" {
		t.Error(met(r))
	}
}

// Two histories: the node rewrites what an earlier quote showed, and hashes everything behind it anew.
func TestRewrittenHistoryIsAFork(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(100).answers(seconds(60))
	was := g.judged(first, nil)
	honest := g.now().clone()
	g.chains[0] = &simChain{doc: honest.doc, genesis: honest.genesis, heads: honest.heads[:1]}
	for i, r := range honest.records {
		c := *r
		if i == 80 {
			c.At++
		}
		g.now().add(t, &c)
	}
	g.sweeps(100)
	shown := g.answers(seconds(200))
	wants(t, g.judged(shown, nil, first), "x telemetry.fork", "-telemetry.bracketed")
	wants(t, g.judged(shown, kept(was)), "x telemetry.fork")
	if s := seenOf(g.judged(shown, kept(was)), "telemetry.fork"); !strings.Contains(s, "record 100 ") {
		t.Error(s)
	}
	// Without a window the heads alone do not meet: nothing is shown, and nothing said.
	wants(t, g.judged(g.answers(nil), kept(was)), "-telemetry.fork")
	// The earlier one's window shows it, where the later one stands within it.
	wide := g.judged(first, nil, shown)
	wants(t, wide, "x telemetry.fork")
	// The next chain names the rewritten one.
	g.now().stored = 100
	g.restart()
	wants(t, g.judged(g.sweeps(5).answers(nil), kept(was)), "x telemetry.fork")
}

func TestTwoQuotesAtOneRecordForkEvenWithoutAWindow(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	was := g.judged(g.sweeps(100).answers(nil), nil)
	g.at = g.at.Add(-time.Second)
	c := g.now()
	c.records, c.heads = c.records[:99], c.heads[:100]
	g.edit = func(r *telemetry.Record) { r.At++ }
	r := g.judged(g.sweeps(1).answers(nil), kept(was))
	wants(t, r, "x telemetry.fork")
	other := *was.Verdict
	other.UEID[5] ^= 1
	was.Verdict = &other
	wants(t, g.judged(g.answers(nil), kept(was)), "-telemetry.fork")
}

func TestChainThatWentBackContradicts(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	was := g.judged(g.sweeps(400).answers(nil), nil)
	c := g.now()
	c.records, c.heads = c.records[:200], c.heads[:201] // the state of the running agent, restored
	c.stored = 180
	g.sweeps(100)
	wants(t, g.judged(g.answers(nil), kept(was)), "x telemetry.back")            // 100 s later by the node's word, which is enough
	wants(t, g.judged(g.sweeps(99).answers(nil), kept(was)), "x telemetry.back") // by the validator's time too
	wants(t, g.judged(g.sweeps(1).answers(nil), kept(was)), "-telemetry.back")   // at record 400, another one
	g2 := newGPULog(t, time.Second, 1)                                           // near, and out of order by less than two batches are
	near := g2.judged(g2.sweeps(400).answers(nil), nil)
	c2 := g2.now()
	c2.records, c2.heads = c2.records[:399], c2.heads[:400]
	g2.claim = func(c *telemetry.Claims) { c.StoredTo, c.StoredFrom = 0, 0; c.Now = c.Uptime + 500 }
	wants(t, g2.judged(g2.answers(nil), kept(near)), "-telemetry.back", "-telemetry.fork", "-telemetry.continues")
}

// A machine that is set back with its memory has its time since boot set back too: the validator's time tells.
func TestRestoredMachineWentBack(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(400).answers(nil)
	was := g.judged(first, nil)
	c := g.now()
	c.records, c.heads, c.stored = c.records[:200], c.heads[:201], 180
	g.boot = g.boot.Add(10*time.Minute + 200*time.Second)
	g.at = g.at.Add(10 * time.Minute)
	again := g.sweeps(100).answers(nil)
	wants(t, g.judged(again, kept(was)), "x telemetry.back")
	is := g.judged(again, nil)
	wants(t, g.judged(first, kept(is)), "x telemetry.back") // whichever is judged last
}

// A validator whose clock is set back has its answers in the wrong order. Where the TPM's
// clock sides with the node nobody is accused; without it the validator's time counts.
func TestValidatorWhoseClockWasSetBackAccusesNobody(t *testing.T) {
	for name, c := range map[string]struct {
		back time.Duration
		tpm  uint64 // ms that pass on the TPM's clock
		want []string
		seen string
	}{
		"an hour":                           {time.Hour, 60_000, []string{"?telemetry.back", "?telemetry.bracket", "-telemetry.bracketed"}, "not earlier"},
		"an hour, and the TPM's clock too":  {time.Hour, 0, []string{"x telemetry.back"}, "not earlier"},
		"a minute and a half":               {90 * time.Second, 60_000, []string{"-telemetry.back", "?telemetry.bracket", "-telemetry.bracketed"}, "not earlier"},
		"half a minute, of a minute's time": {30 * time.Second, 60_000, []string{"-telemetry.back", "?telemetry.bracket", "-telemetry.bracketed"}, "by the validator's clock, 2026"},
	} {
		g := newGPULog(t, time.Second, 1)
		first := g.sweeps(100).answers(nil)
		asked := g.since(first)
		g.sweeps(60)
		g.clock.Clock += c.tpm
		g.at, g.boot, g.ahead = g.at.Add(-c.back), g.boot.Add(-c.back), c.back
		r := g.judged(g.answers(asked), nil, first)
		wants(t, r, c.want...)
		if !strings.Contains(seenOf(r, "telemetry.bracket"), c.seen) {
			t.Errorf("%s: %s", name, seenOf(r, "telemetry.bracket"))
		}
		if met(r) != "telemetry.bracket" {
			t.Errorf("%s: %s", name, met(r))
		}
	}
}

func TestOnlyOtherVerdictsSinceEnrolmentCount(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	record := g.sweeps(100).answers(nil)
	self := g.judged(record, nil)
	wants(t, g.judged(record, kept(self)), "-telemetry.continues")
	later := g.sweeps(10).answers(nil)
	wants(t, g.judged(later, kept(self)), "+telemetry.continues")
	g.node = func(n *attest.Node) { n.Enrolled = ms(g.at.Add(-time.Second)) }
	wants(t, g.judged(later, kept(self)), "-telemetry.continues")
	wants(t, g.judged(record, kept(g.judged(later, nil))), "-telemetry.continues", "-telemetry.back")
}

func TestClaimsAndQuotedRecordMustAgree(t *testing.T) {
	for _, claim := range []func(*telemetry.Claims){
		func(c *telemetry.Claims) { c.At++ },
		func(c *telemetry.Claims) { c.Uptime-- },
	} {
		g := newGPULog(t, time.Second, 1)
		g.claim = claim
		wants(t, g.judged(g.sweeps(70).answers(seconds(60)), nil), "x telemetry.head")
	}
}

// Records by a clock that stands still show no gap: the validator's time does.
func TestTimeThatStandsStillBracketsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		pass time.Duration
		want string
	}{
		"an hour hidden":     {time.Hour, "telemetry.bracket"},
		"11 s hidden":        {11 * time.Second, "telemetry.bracket"},
		"9 s not accounted":  {9 * time.Second, "met"},
		"a minute too much":  {-time.Minute, "telemetry.bracket"},
		"a second too much":  {-time.Second, "met"},
		"nothing in between": {0, "met"},
	} {
		g := newGPULog(t, time.Second, 1)
		first := g.sweeps(100).answers(nil)
		g.sweeps(200)
		g.at, g.boot = g.at.Add(c.pass), g.boot.Add(c.pass)
		if r := g.judged(g.answers(g.since(first)), nil, first); met(r) != c.want || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("%s: %s, %s", name, met(r), seenOf(r, "telemetry.bracket"))
		}
	}
}

// Records that were made the night before hold no mark of the first challenge.
func TestUnmarkedRecordsBracketNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(g *gpuLog)
		want   string
	}{
		"unmarked":      {func(g *gpuLog) { g.marks = nil; g.sweeps(200) }, "telemetry.bracket"},
		"another mark":  {func(g *gpuLog) { g.marks = []attest.Digest{{1}}; g.sweeps(200) }, "telemetry.bracket"},
		"marked late":   {func(g *gpuLog) { m := g.marks; g.marks = nil; g.sweeps(11); g.marks = m; g.sweeps(189) }, "telemetry.bracket"},
		"marked within": {func(g *gpuLog) { m := g.marks; g.marks = nil; g.sweeps(9); g.marks = m; g.sweeps(191) }, "met"},
	} {
		g := newGPULog(t, time.Second, 1)
		first := g.sweeps(100).answers(nil)
		c.change(g)
		r := g.judged(g.answers(g.since(first)), nil, first)
		if met(r) != c.want || c.want != "met" && !strings.Contains(seenOf(r, "telemetry.bracket"), "marked") {
			t.Errorf("%s: %s, %s", name, met(r), seenOf(r, "telemetry.bracket"))
		}
	}
}

// All records between the two must be shown, the first one behind the earlier head too.
func TestWindowThatBeginsLateBracketsNothing(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(119).answers(nil)
	g.sweeps(200)
	g.send = func(w *attest.Window) { w.Chunks = w.Chunks[1:] } // from record 121
	r := g.judged(g.answers(g.since(first)), nil, first)
	if met(r) != "telemetry.bracket" || !strings.Contains(seenOf(r, "telemetry.bracket"), "begin behind record 120") {
		t.Errorf("%s: %s", met(r), seenOf(r, "telemetry.bracket"))
	}
	g.send = nil
	if r := g.judged(g.answers(g.since(first)), nil, first); met(r) != "met" {
		t.Errorf("%s: %s", met(r), seenOf(r, "telemetry.bracket"))
	}
	shown := g.answers(seconds(100))
	later := g.sweeps(60).answers(nil)
	if r := g.judged(shown, nil, later); met(r) != "telemetry.bracket" || !strings.Contains(seenOf(r, "telemetry.bracket"), "not earlier") {
		t.Errorf("%s: %s", met(r), seenOf(r, "telemetry.bracket"))
	}
	delete(g.claims, attest.KindTelemetry)
	g.challenge, g.response = nil, nil
	silent := g.make()
	if r := g.judged(g.sweeps(9).answers(seconds(100)), nil, silent); met(r) != "telemetry.bracket" || !strings.Contains(seenOf(r, "telemetry.bracket"), "states no telemetry") {
		t.Errorf("%s: %s", met(r), seenOf(r, "telemetry.bracket"))
	}
}

// Records of another boot count their time from another moment: they fill no hole, though both answers are of one boot.
func TestRecordsOfAnotherBootBracketNothing(t *testing.T) {
	for boot, want := range map[byte]string{1: "met", 2: "telemetry.bracket"} {
		g := newGPULog(t, time.Second, 1)
		first := g.sweeps(70).answers(nil)
		g.sweeps(10).stop()
		g.bootID = boot
		g.restart()
		g.sweeps(60).stop()
		g.bootID = 1
		g.restart()
		g.sweeps(60)
		g.claim = func(c *telemetry.Claims) { c.Ancestors = [][]byte{g.chains[1].doc, g.chains[0].doc} }
		r := g.judged(g.answers(g.since(first)), nil, first)
		if met(r) != want || want != "met" && !strings.Contains(seenOf(r, "telemetry.bracket"), "another boot") || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("boot %d: %s, %s", boot, met(r), seenOf(r, "telemetry.bracket"))
		}
	}
}

// The second answer's claims need not reach back to the first one's chain: its own document is known.
func TestFirstAnswersDocumentSaysOfWhichBootItsRecordsAre(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	first := g.sweeps(70).answers(nil)
	g.sweeps(20).stop()
	g.restart()
	g.sweeps(60)
	g.claim = func(c *telemetry.Claims) { c.Ancestors = [][]byte{} }
	if r := g.judged(g.answers(g.since(first)), nil, first); met(r) != "met" {
		t.Errorf("%s, %s", met(r), seenOf(r, "telemetry.bracket"))
	}
}

// A chain that states a long interval has no gaps of its own measure: it brackets nothing.
func TestSlowSweepsBracketNothing(t *testing.T) {
	for interval, want := range map[time.Duration]string{5 * time.Second: "met", 6 * time.Second: "telemetry.bracket", time.Hour: "telemetry.bracket"} {
		g := newGPULog(t, interval, 1)
		first := g.sweeps(70).answers(nil)
		r := g.judged(g.sweeps(70).answers(g.since(first)), nil, first)
		if met(r) != want || want != "met" && !strings.Contains(seenOf(r, "telemetry.bracket"), "sweeps every") {
			t.Errorf("%v: %s, %s", interval, met(r), seenOf(r, "telemetry.bracket"))
		}
		if o := outcomeOf(t, r, "C2", ""); want != "met" && (o.Outcome != rules.NotEvaluable || !strings.Contains(o.Reason, "sweeps every")) {
			t.Errorf("%v: %+v", interval, o)
		}
	}
}

// Two agents on one host: which chain is shown is the node's choice.
func TestParallelChainsBracketNothing(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	g.sweeps(30)
	one := g.chains
	g.chains = nil
	g.restart()
	gen := g.now().genesis
	gen.Random = digest(0x77)
	g.chains = nil
	g.begin(gen)
	other := g.judged(g.sweeps(60).answers(nil), nil)
	g.chains = one
	first := g.sweeps(1).answers(nil)
	second := g.sweeps(200).answers(g.since(first))
	r := g.judged(second, kept(other), first)
	if wants(t, r, "!telemetry.parallel", "!telemetry.bracket", "-telemetry.bracketed", "-telemetry.unlinked"); met(r) != "telemetry.parallel" || len(ids(r, Contraindicated)) > 0 {
		t.Errorf("%s, %v", met(r), ids(r, Contraindicated))
	}
	if r.Telemetry.Bracketed || !strings.Contains(r.Telemetry.Hole, "same time") {
		t.Errorf("%+v", r.Telemetry)
	}
	if o := outcomeOf(t, r, "C2", ""); o.Outcome != rules.NotEvaluable {
		t.Errorf("%+v", o)
	}
}

// Without a node record nothing but the name says whose an answer is.
func TestAnswersOfTwoNodesBracketNothing(t *testing.T) {
	g, other := newGPULog(t, time.Second, 1), newGPULog(t, time.Second, 1)
	other.validator = g.validator
	for _, l := range []*gpuLog{g, other} { // one genesis document, copied, that names nobody
		gen := l.now().genesis
		gen.UEID = attest.UEID{}
		l.chains = nil
		l.begin(gen)
	}
	other.edit = func(r *telemetry.Record) { r.At++ }
	first := other.sweeps(100).answers(nil)
	second := g.sweeps(200).answers(seconds(200))
	v := g.verifier(t, Endorsements{Validator: &g.validator.PublicKey}, nil)
	o := g.soon(TierEnterprise)
	b, err := v.Beside(first, o)
	if err != nil {
		t.Fatal(err)
	}
	o.With = []*Beside{b}
	r, err := v.Verify(second, o)
	if err != nil {
		t.Fatal(err)
	}
	if wants(t, r, "!telemetry.bracket", "-telemetry.continues", "-telemetry.unlinked", "-telemetry.parallel", "-telemetry.fork"); !strings.Contains(seenOf(r, "telemetry.bracket"), "another node") {
		t.Error(seenOf(r, "telemetry.bracket"))
	}
}

func TestBesideRefusesWhatIsNotTheNodesRecord(t *testing.T) {
	g := newGPULog(t, time.Second, 1)
	record := g.sweeps(10).answers(nil)
	v := g.verifier(t, g.known(), nil)
	if _, err := v.Beside(record, g.soon(TierCommunity)); err != nil {
		t.Fatal(err)
	}
	other := newGPULog(t, time.Second, 1)
	if _, err := v.Beside(other.sweeps(10).answers(nil), g.soon(TierCommunity)); err == nil || !errors.Is(err, ErrBeside) || !strings.Contains(err.Error(), "challenge.foreign: The record was signed by another key") {
		t.Errorf("another validator's: %v", err)
	}
	g.envelope = flipSignature
	if _, err := v.Beside(g.answers(nil), g.soon(TierCommunity)); err == nil || !strings.Contains(err.Error(), "evidence.signature") {
		t.Errorf("forged: %v", err)
	}
	if _, err := v.Beside(bytes.Repeat([]byte{1}, 90), g.soon(TierCommunity)); err == nil {
		t.Error("rubbish was taken")
	}
}
