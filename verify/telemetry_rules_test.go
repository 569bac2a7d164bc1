package verify

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func outcomeOf(t testing.TB, r *Result, id, subject string) RuleOutcome {
	t.Helper()
	for _, o := range r.Rules {
		if o.ID == id && strings.Contains(o.Subject, subject) {
			return o
		}
	}
	t.Fatalf("no outcome of %s on %q in %+v", id, subject, r.Rules)
	return RuleOutcome{}
}

func TestRuleC2NeedsTheTimeAroundTheFirstChallenge(t *testing.T) {
	for name, c := range map[string]struct {
		life   func(*gpuLog)
		window bool // with the first answer
		want   string
		reason string
	}{
		"covered":              {func(g *gpuLog) { g.sweeps(120) }, true, rules.Pass, "covered"},
		"nothing before it":    {func(g *gpuLog) { g.sweeps(120) }, false, rules.NotEvaluable, "needs --window with the first answer"},
		"the second too soon":  {func(g *gpuLog) { g.sweeps(2) }, true, rules.NotEvaluable, "too soon"},
		"off behind it":        {func(g *gpuLog) { g.sweeps(1); g.at = g.at.Add(30 * time.Second); g.sweeps(120) }, true, rules.Violated, "covered"},
		"off long after it":    {func(g *gpuLog) { g.sweeps(30); g.at = g.at.Add(30 * time.Second); g.sweeps(120) }, true, rules.Pass, "covered"},
		"another boot":         {func(g *gpuLog) { g.stop(); g.bootID, g.boot = 2, g.at; g.restart(); g.sweeps(120) }, true, rules.NotEvaluable, "no second answer"},
		"nothing is marked":    {func(g *gpuLog) { g.marks = nil; g.sweeps(120) }, true, rules.NotEvaluable, "marked"},
		"stopped at once":      {func(g *gpuLog) { g.marks = nil; g.at = g.at.Add(13 * time.Second); g.sweeps(120) }, true, rules.Violated, "covered"},
		"a clock that stood":   {func(g *gpuLog) { g.sweeps(120); g.at, g.boot = g.at.Add(time.Minute), g.boot.Add(time.Minute) }, true, rules.NotEvaluable, "since boot"},
		"an agent's new start": {func(g *gpuLog) { g.sweeps(20); g.stop(); g.restart(); g.sweeps(120) }, true, rules.Pass, "covered"},
	} {
		g := newGPULog(t, time.Second, 1)
		g.sweeps(120) // a whole minute ends at the first answer: the second brings nothing from before it
		first := g.answers(nil)
		if c.window {
			first = g.answers(seconds(60))
		}
		asked := g.since(first)
		c.life(g)
		r := g.judged(g.answers(asked), nil, first)
		if o := outcomeOf(t, r, "C2", ""); o.Outcome != c.want || !strings.Contains(o.Reason, c.reason) {
			t.Errorf("%s: %+v", name, o)
		}
	}
	g := newGPULog(t, time.Second, 1)
	if o := outcomeOf(t, g.judged(g.sweeps(70).answers(seconds(60)), nil), "C2", ""); o.Outcome != rules.NotEvaluable {
		t.Errorf("one answer: %+v", o)
	}
	if o := outcomeOf(t, g.judged(g.answers(nil), nil), "C2", ""); o.Outcome != rules.NotEvaluable {
		t.Errorf("no window: %+v", o)
	}
	if o := outcomeOf(t, judged(t, newForge(t), TierCommunity), "E2", ""); o.Outcome != rules.Missing {
		t.Errorf("no telemetry: %+v", o)
	}
}

func TestRulesOnTelemetryContradictNothing(t *testing.T) {
	g := newGPULog(t, time.Second, 2)
	g.edit = func(r *telemetry.Record) { // everything that E2, H1 and H2 look for
		for i, f := range r.Devices[0].Values {
			if i%2 == 0 && f == int64(telemetry.Energy) {
				r.Devices[0].Values[i+1] = int64(g.uptime()) % 60_000
			}
			if i%2 == 0 && f == int64(telemetry.GPUUtilisation) {
				r.Devices[0].Values[i+1] = 100
			}
		}
	}
	r := g.judged(g.sweeps(300).answers(seconds(240)), nil)
	wants(t, r, "!telemetry.energy", "+telemetry.shown")
	if len(ids(r, Contraindicated)) > 0 {
		t.Error(ids(r, Contraindicated))
	}
	if o := outcomeOf(t, r, "E2", g.host.Key(0)); partOf(r, o, "falls").Outcome != rules.Violated || partOf(r, o, "falls").Calibrated || *partOf(r, o, "falls").Value != 4 {
		t.Errorf("%+v", o)
	}
	if o := outcomeOf(t, r, "E2", g.host.Key(1)); partOf(r, o, "falls").Outcome != rules.Pass {
		t.Errorf("%+v", o)
	}
	known := map[string]bool{}
	for _, rule := range rules.All() {
		if rule.ID == "C2" && !strings.Contains(rule.Sentence, "needs --window with the first answer") {
			t.Errorf("C2 does not say what it needs: %s", rule.Sentence)
		}
		known[rule.ID] = true
	}
	for _, o := range r.Rules {
		if !known[o.ID] || o.Reason == "" {
			t.Errorf("%+v", o)
		}
	}
}

// What the node wrote reaches terminals by what is made of the outcomes too.
func TestTextOfTheNodeIsCleanWhereverItIsRepeated(t *testing.T) {
	const hostile = "\x1b[2J\x1b[Hclear"
	f := newForge(t)
	f.bound = func(b *attest.Bound) {
		for i := range b.Absent {
			b.Absent[i].Detail = hostile
		}
	}
	r := judged(t, f, TierCommunity)
	b, err := json.Marshal([]any{r.Rules, r.Hypotheses, r.NextChallenge, r.Findings})
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, `\u001b`) || !strings.Contains(s, "[Hclear") {
		t.Errorf("not cleaned, or not repeated at all: %s", s)
	}
	var fs findings
	if fs.unknown("telemetry.energy", "GPU "+hostile, Validator, 0, 0); strings.Contains(fs[0].Check, "\x1b") {
		t.Errorf("%q", fs[0].Check)
	}
}

// partOf is another part of the same rule about the same subject.
func partOf(r *Result, like RuleOutcome, part string) RuleOutcome {
	for _, o := range r.Rules {
		if o.ID == like.ID && o.Subject == like.Subject && o.Part == part {
			return o
		}
	}
	return RuleOutcome{}
}

// BenchmarkVerifyWindow is a record with five minutes of eight GPUs, bracketed.
func BenchmarkVerifyWindow(b *testing.B) {
	g := newGPULog(b, time.Second, 8)
	first := g.sweeps(60).answers(nil)
	second := g.sweeps(300).answers(g.since(first))
	v := g.verifier(b, g.known(), nil)
	o := g.soon(TierCommunity)
	for b.Loop() {
		beside, err := v.Beside(first, o)
		if err != nil {
			b.Fatal(err)
		}
		o.With = []*Beside{beside}
		if _, err := v.Verify(second, o); err != nil {
			b.Fatal(err)
		}
	}
}
