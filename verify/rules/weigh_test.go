package rules

import (
	"math"
	"slices"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < .005 }

func TestRateIsTheUpperEndOfWilsonsInterval(t *testing.T) {
	for _, c := range []struct {
		nodes, flagged int
		rate, weight   float64
	}{{200, 0, .0188, 3.97}, {20, 0, .1611, 1.83}, {4, 0, .4899, .714}, {300, 3, .0290, 3.54}, {10, 10, 1, 0}} {
		l := &Limit{Status: Counted, Honest: &Honest{Nodes: c.nodes, Flagged: c.flagged}}
		if r := l.Rate(); !near(r, c.rate) || !near(-math.Log(r), c.weight) {
			t.Errorf("%d of %d: %.4f, weight %.3f", c.flagged, c.nodes, r, -math.Log(r))
		}
	}
	if (&Limit{Status: Uncalibrated}).Rate() != 1 {
		t.Error("what nobody counted")
	}
}

// A limit without a measured source is shown, and changes nothing: no weight, no contradiction, no order of hypotheses.
func TestUncalibratedRulesCannotChangeAVerdict(t *testing.T) {
	cal := DefaultCalibration()
	uncalibrated := 0
	for _, c := range limitCases {
		l := cal.limit(c.rule, c.part, Scope{})
		if l == nil || l.Status != Uncalibrated || c.rule == "E1" { // whose limit is none
			continue
		}
		uncalibrated++
		in := full()
		c.set(in, c.limit+c.step)
		out := Judge(in, cal)
		o := part(out, c.rule, c.part)
		if o.Outcome != Violated || o.Calibrated || o.Weight != 0 || o.Contradicts {
			t.Errorf("%s.%s: %+v", c.rule, c.part, o)
		}
		if got := Conclude(out); got.Judgement != Clear || got.Score != 0 {
			t.Errorf("%s.%s alone: %+v", c.rule, c.part, got)
		}
		if h := Explain(out); h[0].Name != "honest" || h[0].Score != 0 {
			t.Errorf("%s.%s alone: %s", c.rule, c.part, h[0].Name)
		}
	}
	if uncalibrated < 20 {
		t.Errorf("%d uncalibrated limits", uncalibrated)
	}
	// All of them together.
	in := full()
	for _, c := range limitCases {
		if l := cal.limit(c.rule, c.part, Scope{}); l != nil && l.Status == Uncalibrated && c.rule != "M2" && c.part != "low" {
			c.set(in, c.limit+c.step)
		}
	}
	out := Judge(in, cal)
	if got := Conclude(out); got.Judgement != Clear || Explain(out)[0].Name != "honest" {
		t.Errorf("all at once: %+v", got)
	}
}

func TestOnlyNamedRulesContradict(t *testing.T) {
	may := []string{"M3", "R1", "R3", "N1", "C1", "C3", "V1"}
	for _, c := range limitCases {
		in := full()
		c.set(in, c.limit+c.step)
		out := Judge(in, fitted())
		o := part(out, c.rule, c.part)
		if o.Contradicts != slices.Contains(may, c.rule) {
			t.Errorf("%s.%s: contradicts %v", c.rule, c.part, o.Contradicts)
		}
		if got := Conclude(out); (got.Judgement == Contradicted) != o.Contradicts || o.Contradicts && !slices.Contains(got.Contradicted, c.rule) {
			t.Errorf("%s.%s: %+v", c.rule, c.part, got)
		}
	}
}

func soft(id string, g Group, k Kind, weight float64) Outcome {
	return Outcome{ID: id, Group: g, Kind: k, Outcome: Violated, Calibrated: true, Calibration: Counted, Weight: weight}
}

func TestScoreTakesTheLargestOfAGroupAndAddsGroups(t *testing.T) {
	for name, c := range map[string]struct {
		out   []Outcome
		score float64
		want  Judgement
	}{
		"none":                   {nil, 0, Clear},
		"one":                    {[]Outcome{soft("M1", Model, Heuristic, 3)}, 3, Clear},
		"two of a group":         {[]Outcome{soft("M1", Model, Heuristic, 3), soft("M5", Model, Heuristic, 2)}, 3 - math.Log(2), Clear},
		"two groups":             {[]Outcome{soft("M1", Model, Heuristic, 3), soft("E1", Work, Heuristic, 1)}, 4, Suspect},
		"two strong groups":      {[]Outcome{soft("M1", Model, Heuristic, 3), soft("E1", Work, Heuristic, 3)}, 6, SuspectStrong},
		"many rules of no group": {[]Outcome{soft("M1", Model, Hint, 1), soft("E1", Work, Hint, 1), soft("L1", Latency, Hint, 1)}, 3, Clear},
	} {
		if got := Conclude(c.out); !near(got.Score, c.score) || got.Judgement != c.want {
			t.Errorf("%s: %+v, want %.3f, %s", name, got, c.score, c.want)
		}
	}
	passed := soft("M5", Model, Heuristic, 0)
	passed.Outcome = Pass
	if got := Conclude([]Outcome{soft("M1", Model, Heuristic, 3), passed}); !near(got.Score, 3-math.Log(2)) {
		t.Errorf("looking at two costs as much as finding two: %+v", got)
	}
}

func TestWeightIsClippedByKind(t *testing.T) {
	v := 1.0
	o := Outcome{Outcome: Violated, Calibrated: true, Calibration: Counted, Value: &v, rate: 1e-6, Kind: Heuristic}
	if w := weight(&o); w != clipStrong {
		t.Error(w)
	}
	if o.Kind = Hint; weight(&o) != clipWeak {
		t.Error("a hint")
	}
	for name, change := range map[string]func(*Outcome){"a pass": func(o *Outcome) { o.Outcome = Pass }, "uncalibrated": func(o *Outcome) { o.Calibrated = false },
		"capacity": func(o *Outcome) { o.capacity = true }, "a contradiction": func(o *Outcome) { o.Contradicts = true }, "all honest nodes flagged": func(o *Outcome) { o.rate = 1 }} {
		c := o
		change(&c)
		if w := weight(&c); w != 0 {
			t.Errorf("%s: %v", name, w)
		}
	}
}

// staged attacks: what each does to a full node, the rules that must see it and the hypothesis that must stand first.
var stagedAttacks = []struct {
	name, hypothesis string
	rules            []string
	do               func(*Input)
}{
	{"another model behind the right files", "swapped_after_attestation", []string{"M1"}, func(in *Input) { moved(in, "M1", "t", 3) }},
	{"a smaller model", "distilled", []string{"M1", "E1"}, func(in *Input) { moved(in, "M1", "t", 3); moved(in, "E1", "j_per_token", 601*70+100_000) }},
	{"fewer bits than declared", "down_cast", []string{"M3"}, func(in *Input) { moved(in, "M3", "below_permille", 900) }},
	{"packed on load", "down_cast", []string{"M4"}, func(in *Input) { moved(in, "M4", "held_share", 8) }},
	{"canned answers", "cached_answers", []string{"M5"}, func(in *Input) { moved(in, "M5", "low", .2) }},
	{"canned and at once", "cached_answers", []string{"M5", "R1"}, func(in *Input) { moved(in, "M5", "low", .2); moved(in, "R1", "share", 1e5) }},
	{"another machine answers", "proxied", []string{"E1", "U2"}, func(in *Input) { moved(in, "E1", "j_per_token", 601*70+10); moved(in, "U2", "busiest", 0) }},
	{"another knowledge base", "other_knowledge_base", []string{"M1"}, func(in *Input) { moved(in, "M1", "t_knowledge", 4) }},
	{"a draft for challenges", "draft_model", []string{"L2"}, func(in *Input) { moved(in, "L2", "shift", .5) }},
	{"older cards", "masked_hardware", []string{"I2"}, func(in *Input) { moved(in, "I2", "differing", 1) }},
	{"no switch", "interconnect_faked", []string{"N2"}, func(in *Input) { moved(in, "N2", "links_apart", 0) }},
	{"over network cards", "interconnect_faked", []string{"N1", "N3"}, func(in *Input) { moved(in, "N1", "share", 1); moved(in, "N3", "rdma_share", 1e13) }},
	{"hot", "throttled", []string{"H1"}, func(in *Input) { moved(in, "H1", "throttled", 60) }},
	{"one GPU, two names", "sold_twice", []string{"I1"}, func(in *Input) { moved(in, "I1", "claims", 1) }},
	{"busy at rest", "telemetry_forged", []string{"U1"}, func(in *Input) { moved(in, "U1", "power_share", .01) }},
	{"replayed", "telemetry_forged", []string{"H2"}, func(in *Input) { moved(in, "H2", "repeats", 4) }},
	{"telemetry off", "telemetry_withheld", []string{"C2"}, func(in *Input) { moved(in, "C2", "covered", 40) }},
	{"nothing", "honest", nil, func(*Input) {}},
}

func moved(in *Input, rule, part string, v float64) {
	for _, c := range limitCases {
		if c.rule == rule && c.part == part {
			c.set(in, v)
			return
		}
	}
	panic("no case " + rule + "." + part)
}

func TestEachAttackIsNamedAndIsNotWithoutItsRule(t *testing.T) {
	named := map[string]bool{}
	for _, a := range stagedAttacks {
		in := full()
		a.do(in)
		out := Judge(in, fitted())
		order := Explain(out)
		named[order[0].Name] = true
		if order[0].Name != a.hypothesis {
			t.Errorf("%s: %s (%.2f; %v) before %s", a.name, order[0].Name, order[0].Score, order[0].For, a.hypothesis)
		}
		for _, id := range a.rules {
			if !slices.ContainsFunc(out, func(o Outcome) bool { return o.ID == id && o.Outcome == Violated }) {
				t.Errorf("%s: %s is not violated", a.name, id)
			}
		}
		if len(a.rules) == 0 {
			continue
		}
		rest := slices.DeleteFunc(out, func(o Outcome) bool { return slices.Contains(a.rules, o.ID) })
		if got := Explain(rest)[0].Name; got == a.hypothesis {
			t.Errorf("%s: still %s without %v", a.name, got, a.rules)
		}
	}
	for _, h := range hypotheses {
		if !named[h.Name] {
			t.Errorf("%s is never first", h.Name)
		}
		if h.Name != "honest" && (h.Honest == "" || h.Sentence == "") {
			t.Errorf("%s: no honest cause", h.Name)
		}
		for _, s := range h.explains {
			if !slices.ContainsFunc(list, func(r Rule) bool { return r.ID == s.rule }) {
				t.Errorf("%s: no rule %s", h.Name, s.rule)
			}
		}
	}
}

// Eight GPUs that violate one rule are one sign: they must not outweigh a contradiction.
func TestARuleCountsOnceHoweverManyGPUsItSpeaksOf(t *testing.T) {
	in := full()
	for i := range in.GPUs {
		in.Nodes[0].GPUs = append(in.Nodes[0].GPUs, in.GPUs[i].Identity)
	}
	moved(in, "R1", "share", 1e5)
	order := Explain(Judge(in, DefaultCalibration()))
	if order[0].Name != "cached_answers" || len(order[0].For) != 1 || len(order[0].Against) < 8 {
		t.Errorf("%s first (%.2f): %v", order[0].Name, order[0].Score, order[0].For)
	}
	for _, h := range order {
		if h.Name == "sold_twice" && (h.Score != clipStrong+markWeight-contradictionWeight || len(h.For) != 8) {
			t.Errorf("%.2f: %v", h.Score, h.For)
		}
	}
}

func TestNextChallengeFillsWhatTellsTheFirstTwoApart(t *testing.T) {
	in := full()
	moved(in, "M1", "t", 3)
	in.Telemetry = nil
	out := Judge(in, fitted())
	n := Best(out, Explain(out))
	if n == nil || n.Ask == "" || n.Reason == "" || slices.ContainsFunc(out, func(o Outcome) bool { return o.ID == n.Rule && o.Outcome == Pass }) {
		t.Errorf("%+v", n)
	}
	if n := Best(Judge(full(), fitted()), Explain(nil)); n != nil {
		t.Errorf("all has spoken: %+v", n)
	}
	for _, r := range All() {
		if asks[r.ID] == "" {
			t.Errorf("%s cannot be asked for", r.ID)
		}
	}
}

func TestEveryRuleIsExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range All() {
		if seen[r.ID] || r.Sentence == "" || r.Honest == "" || len(r.Reads) == 0 || r.Group == "" || r.Kind == "" {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(seen) != 26 {
		t.Errorf("%d rules", len(seen))
	}
}

func BenchmarkCrossCheck(b *testing.B) {
	in, cal := full(), fitted()
	b.ReportAllocs()
	for b.Loop() {
		out := Judge(in, cal)
		_ = Conclude(out)
		_ = Best(out, Explain(out))
	}
}

// One evidence has one score, to the last bit: a validator's verdict and an auditor's are compared.
func TestScoreIsTheSameEachTime(t *testing.T) {
	var out []Outcome
	for i, g := range []Group{Model, Work, Fabric, Latency, Heat, Identity} {
		out = append(out, soft(list[i].ID, g, Heuristic, .1*float64(i+1)+1e-9))
	}
	first := Conclude(out).Score
	for range 200 {
		if got := Conclude(out).Score; got != first {
			t.Fatalf("%v, then %v", first, got)
		}
	}
}
