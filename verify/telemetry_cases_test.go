package verify

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/sign"
)

// chainCase is one judgement of telemetry; each is a vector.
type chainCase struct {
	name, comment, expect string
	says                  []string
	make                  func(v *chainVector)
}

// chainVector is a vector being made.
type chainVector struct {
	*gpuLog
	first    []byte // an earlier answer
	record   []byte // the one judged
	with     [][]byte
	verdicts []attest.Verdict
}

// few keeps of a record what a vector needs to be small.
func few(r *telemetry.Record) {
	for i := range r.Devices {
		d := &r.Devices[i]
		var vs telemetry.Values
		for f, v := range d.Values.All {
			if f == telemetry.GPUTemperature || f == telemetry.AveragePower || f == telemetry.EnforcedLimit || f == telemetry.Energy {
				vs.Set(f, v)
			}
		}
		d.Values, d.Processes = vs, nil
	}
	r.Absent = nil
}

// closes answers a challenge since the first answer, which is given beside it.
func (v *chainVector) closes() {
	v.record, v.with = v.answers(v.since(v.first)), [][]byte{v.first}
}

// alone answers a challenge that asks for no window, with the first answer's verdict as history.
func (v *chainVector) alone() {
	v.verdicts = append(v.verdicts, *v.judged(v.first, nil).Verdict)
	v.record = v.answers(nil)
}

// rewinds lets the chain go on from an earlier record.
func (v *chainVector) rewinds(to int) {
	c := v.now()
	c.records, c.heads = c.records[:to], c.heads[:to+1]
}

func chainCases() []chainCase {
	const good = "accepted community"
	return []chainCase{
		{"good-telemetry", "two answers bracket the time between them", good, []string{"+telemetry.shown", "+telemetry.bracketed", "+telemetry.continues", "-telemetry.gap"}, func(v *chainVector) { v.sweeps(70); v.closes() }},
		{"good-telemetry-restart", "the agent was stopped and started in between", good, []string{"+telemetry.bracketed", "!telemetry.gap", "-telemetry.lost"}, func(v *chainVector) {
			v.sweeps(20)
			v.stop()
			v.at = v.at.Add(2 * time.Second)
			v.restart()
			v.sweeps(70)
			v.closes()
		}},
		{"good-telemetry-crash", "the agent crashed: what was not yet stored is gone, and nobody is accused", good, []string{"!telemetry.bracket", "+telemetry.continues", "-telemetry.lost", "-telemetry.fork"}, func(v *chainVector) {
			v.sweeps(9)
			v.at = v.at.Add(9 * time.Second)
			v.restart()
			v.sweeps(70)
			v.closes()
		}},
		{"good-telemetry-suspend", "the host slept for an hour", good, []string{"!telemetry.bracket", "!telemetry.gap"}, func(v *chainVector) {
			v.sweeps(9)
			v.at = v.at.Add(time.Hour)
			v.sweeps(20)
			v.closes()
		}},
		{"telemetry-byte", "a byte of a chunk was changed", good, []string{"!telemetry.chain", "-telemetry.shown", "-telemetry.bracketed"}, func(v *chainVector) {
			v.send = func(w *attest.Window) { w.Chunks[0][len(w.Chunks[0])/2] ^= 1 }
			v.sweeps(70)
			v.closes()
		}},
		{"telemetry-chunk-dropped", "the chunk in the middle was left out", good, []string{"!telemetry.chain", "-telemetry.bracketed"}, func(v *chainVector) {
			v.send = func(w *attest.Window) { w.Chunks = append(w.Chunks[:1:1], w.Chunks[2:]...) }
			v.sweeps(130)
			v.closes()
		}},
		{"telemetry-late", "the window begins behind the earlier head", good, []string{"+telemetry.shown", "!telemetry.bracket"}, func(v *chainVector) {
			v.send = func(w *attest.Window) { w.Chunks = w.Chunks[1:] }
			v.sweeps(70)
			v.closes()
		}},
		{"telemetry-unmarked", "no record is marked with the first answer's batch", good, []string{"+telemetry.shown", "!telemetry.bracket"}, func(v *chainVector) { v.marks = nil; v.sweeps(70); v.closes() }},
		{"telemetry-slow", "the node's clock stood still for a minute", good, []string{"+telemetry.shown", "!telemetry.bracket", "-telemetry.gap"}, func(v *chainVector) {
			v.sweeps(70)
			v.at, v.boot = v.at.Add(time.Minute), v.boot.Add(time.Minute)
			v.closes()
		}},
		{"telemetry-lost", "the next chain follows a record below what was stored", good, []string{"!telemetry.lost"}, func(v *chainVector) { v.now().stored = 5; v.restart(); v.sweeps(3); v.alone() }},
		{"telemetry-unlinked", "a chain that does not lead back to the earlier one", good, []string{"!telemetry.unlinked"}, func(v *chainVector) { v.chains = nil; v.restart(); fresh(v.gpuLog); v.sweeps(3); v.alone() }},
		{"telemetry-fork", "another record at the earlier index, shown by the window", "telemetry.fork", nil, func(v *chainVector) {
			v.rewinds(60)
			v.edit = func(r *telemetry.Record) { few(r); r.At++ }
			v.sweeps(70)
			v.closes()
		}},
		{"telemetry-fork-genesis", "the next chain names another hash at the earlier index", "telemetry.fork", nil, func(v *chainVector) {
			v.rewinds(len(v.now().records) - 1)
			v.edit = func(r *telemetry.Record) { few(r); r.At++ }
			v.sweeps(1)
			v.stop()
			v.restart()
			v.sweeps(3)
			v.alone()
		}},
		{"telemetry-back", "the chain stands at an earlier record, a quarter of an hour later", "telemetry.back", nil, func(v *chainVector) {
			v.rewinds(30)
			v.at = v.at.Add(15 * time.Minute)
			v.now().stored = 30
			v.sweeps(3)
			v.alone()
		}},
		{"telemetry-head", "the claims state another time for the quoted record than the record", "telemetry.head", nil, func(v *chainVector) {
			v.claim = func(c *telemetry.Claims) { c.At++ }
			v.sweeps(70)
			v.closes()
		}},
	}
}

func (c chainCase) vector(t testing.TB) vector {
	t.Helper()
	v := &chainVector{gpuLog: newGPULog(t, time.Second, 1)}
	v.edit = few
	v.first = v.sweeps(70).answers(nil)
	c.make(v)
	out := vector{comment: c.comment, expect: c.expect, at: v.soon("").At.Add(time.Hour), validator: &v.validator.PublicKey, node: v.nodeFile(), record: v.record, says: c.says, with: v.with}
	for _, d := range v.verdicts {
		out.verdicts = append(out.verdicts, v.must(sign.Seal(v.validator, attest.TypeVerdict, v.must(attest.Marshal(d)))))
	}
	return out
}

func TestTelemetryCasesAreJudgedAsTheySay(t *testing.T) {
	for _, c := range chainCases() {
		t.Run(c.name, func(t *testing.T) {
			v := c.vector(t)
			r, err := v.judge()
			if err != nil {
				t.Fatal(err)
			}
			if got := outcome(r); got != c.expect {
				t.Errorf("%s, want %s\n%v", got, c.expect, said(r))
			}
			wants(t, r, c.says...)
		})
	}
}
