package honest

import (
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// set gives every result that has a stat of this name another value.
func set(in *rules.Input, name string, change func(float64) float64) {
	for _, s := range in.Stats {
		for i := range s.Stats {
			if p := &s.Stats[i]; p.Name == name && s.Sample.Set != stats.Knowledge {
				p.Value = ptr(change(*p.Value))
			}
		}
	}
}

func to(v float64) func(float64) float64 { return func(float64) float64 { return v } }
func by(f float64) func(float64) float64 { return func(v float64) float64 { return f * v } }
func busy(in *rules.Input, change func(i int)) {
	for i := range in.Telemetry.Activity {
		change(i)
	}
}

// cheats are simple ones, each of which makes a drawn node lie in one way.
var cheats = []struct {
	name, rule  string
	contradicts bool
	cheat       func(*rules.Input)
}{
	{"another model", "M1", false, func(in *rules.Input) { set(in, "t", to(3)) }},
	{"fewer bits", "M3", true, func(in *rules.Input) { in.Engines[0].Precision.BelowPermille = 900 }},
	{"a tenth of the weights", "M4", false, func(in *rules.Input) { in.Engines[0].Held = ptr(uint64(in.Engines[0].Model.WeightBytes / 10)) }},
	{"canned answers", "M5", false, func(in *rules.Input) { set(in, "scatter_ratio", to(.01)) }},
	{"answers at once", "R1", true, func(in *rules.Input) { set(in, "e2e_rate", by(1000)) }},
	{"first tokens at once", "R3", true, func(in *rules.Input) { set(in, "prefill_ms", to(.001)) }},
	{"a kernel that spins", "U1", false, func(in *rules.Input) { busy(in, func(i int) { in.Telemetry.Activity[i].BusyAtPower = ptr(.001) }) }},
	{"served elsewhere", "U2", false, func(in *rules.Input) { busy(in, func(i int) { in.Telemetry.Activity[i].MostBusy = ptr(0.0) }) }},
	{"no telemetry while asked", "C2", false, func(in *rules.Input) { in.Telemetry.Coverage.Percent, in.Telemetry.Coverage.LargestMS = 10, minute }},
	{"a copied TPM", "C1", true, func(in *rules.Input) { in.Clock.Step = "rollback" }},
	{"another's card", "I1", false, func(in *rules.Input) {
		in.Nodes = append(in.Nodes, rules.Node{Name: "owner", From: rules.Source{By: rules.Measured}, GPUs: []string{in.GPUs[0].Identity}, First: 1, Last: in.Received})
		in.GPUs[0].From.By = rules.Asserted
	}},
	{"an older board", "I2", false, func(in *rules.Input) { in.GPUs[0].Architecture = "fermi" }},
}

// passes says that a rule passed for every subject that it spoke about.
func passes(out []rules.Outcome, rule string) bool {
	return !slices.ContainsFunc(out, func(o rules.Outcome) bool { return o.ID == rule && o.Outcome != rules.Pass })
}

func violates(out []rules.Outcome, rule string) bool {
	return slices.ContainsFunc(out, func(o rules.Outcome) bool { return o.ID == rule && o.Outcome == rules.Violated })
}

// The test on honest nodes can fail: a drawn node that cheats is seen by the rule that passed it before.
func TestDrawnNodesThatCheatAreSeen(t *testing.T) {
	builtIn, cal := rules.DefaultCalibration(), fitted(t)
	for _, c := range cheats {
		tried := 0
		for seed := uint64(seeds); seed < seeds+2000 && tried < 20; seed++ {
			n := Draw(seed)
			if !passes(rules.Judge(n.Input, builtIn), c.rule) || !passes(rules.Judge(n.Input, cal), c.rule) || c.rule == "M1" && epochs(n.Input) < 2 {
				continue
			}
			tried++
			c.cheat(n.Input)
			out := rules.Judge(n.Input, cal)
			if !violates(rules.Judge(n.Input, builtIn), c.rule) || !violates(out, c.rule) {
				t.Errorf("%s, seed %d: %s is not violated", c.name, seed, c.rule)
				continue
			}
			if got := rules.Conclude(out).Judgement == rules.Contradicted; got != c.contradicts {
				t.Errorf("%s, seed %d: contradicted %v", c.name, seed, got)
			}
			if rules.Explain(out)[0].Name == "honest" {
				t.Errorf("%s, seed %d: honest stands first", c.name, seed)
			}
		}
		if tried < 20 {
			t.Errorf("%s: only %d nodes that %s passes", c.name, tried, c.rule)
		}
	}
}

// epochs counts those that decided T.
func epochs(in *rules.Input) (n int) {
	for _, s := range in.Stats {
		if s.Method.Name == stats.EmbeddingScore && s.Sample.Set == stats.General && s.Decision == stats.Inlier {
			n++
		}
	}
	return n
}
