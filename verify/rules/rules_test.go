package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// limitCase moves one value of a full node to its limit and to either side.
type limitCase struct {
	rule, part string
	limit      float64 // the value at the limit, in the input's unit
	step       float64 // towards a violation
	at         string  // outcome at the limit itself
	set        func(*Input, float64)
}

func gpu0(in *Input) *GPU { return &in.GPUs[0] }

var limitCases = []limitCase{
	{"M1", "t", 1.9, .01, Violated, func(in *Input, v float64) {
		for i := range in.Stats {
			if s := in.Stats[i]; s.Method.Name == stats.EmbeddingScore && s.Sample.Set == "" {
				s.Stats[0].Value = &v
			}
		}
	}},
	{"M1", "t_knowledge", 1.9, .01, Violated, func(in *Input, v float64) {
		for i := range in.Stats {
			if s := in.Stats[i]; s.Method.Name == stats.EmbeddingScore && s.Sample.Set == stats.Knowledge {
				s.Stats[0].Value = &v
			}
		}
	}},
	{"M1", "dlogprob", .15, .01, Pass, func(in *Input, v float64) { in.set("dlogprob", v) }},
	{"M2", "t", 1.5, -.01, Pass, func(in *Input, v float64) { in.Engines[0].Model.Reference = Different; in.set("t", v) }},
	{"M3", "below_permille", 50, 1, Pass, func(in *Input, v float64) { in.Engines[0].Precision.BelowPermille = v }},
	{"M4", "held_share", 15.2, -.1, Pass, func(in *Input, v float64) { in.Engines[0].Held = ptr(uint64(v * 1e9)) }},
	{"M5", "low", .5, -.01, Pass, func(in *Input, v float64) { in.set("scatter_ratio", v) }},
	{"M5", "high", 2, .01, Pass, func(in *Input, v float64) { in.set("scatter_ratio", v) }},
	{"R1", "share", 1.25 * 8 * 3350e9 / 3.6e9 * (1 - 1e-12), 1, Pass, func(in *Input, v float64) { in.set("e2e_rate", v) }},
	{"R2", "share", .15 * 8 * 3350 / 16, -1, Pass, func(in *Input, v float64) {
		in.each(func(r *stats.Result) {
			if r.Latency != nil {
				r.Latency.TokensPerSecond.P50 = v
			}
		})
	}},
	{"R3", "share", 1000 * 2 * 7.2e9 * 1024 / (8 * 2 * 1978.9e12) / 1.25 * (1 + 1e-12), -.001, Pass, func(in *Input, v float64) { in.set("prefill_ms", v) }},
	{"R4", "extra_ms", 40 + 15 + 50, .1, Pass, func(in *Input, v float64) {
		in.each(func(r *stats.Result) {
			if r.Latency != nil {
				r.Latency.TTFT.P50 = v
			}
		})
	}},
	{"E1", "j_per_token", 601*70 + 10*100_000/8, -1, Pass, func(in *Input, v float64) {
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].EnergyJ = &v
		}
	}},
	{"E2", "over_limit", 105, .1, Pass, func(in *Input, v float64) { in.check(stretch.OverLimit, v) }},
	{"E2", "apart", 10, .1, Pass, func(in *Input, v float64) { in.check(stretch.Apart, v) }},
	{"E2", "falls", 0, 1, Pass, func(in *Input, v float64) { in.check(stretch.Rises, v) }},
	{"U1", "power_share", .15, -.01, Pass, func(in *Input, v float64) { in.Telemetry.Activity[0].BusyAtPower = &v }},
	{"U2", "busiest", 1, -1, Pass, func(in *Input, v float64) {
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].MostBusy = &v
		}
	}},
	{"N1", "share", .8 * 2 * 32 * 4096 * 2 * 100_000 / (1 << 20), -1, Pass, func(in *Input, v float64) {
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].LinkSentMiB = &v
		}
	}},
	{"N2", "links_apart", 18, -1, Pass, func(in *Input, v float64) { gpu0(in).ActiveLinks = ptr(int(v)) }},
	{"N3", "rdma_share", 8 * 60_000 * (1 << 20), 1e9, Pass, func(in *Input, v float64) { in.RDMA.Bytes = v }},
	{"L1", "low_share", .1, .01, Pass, func(in *Input, v float64) { in.set("itl_low_share", v) }},
	{"L2", "shift", .1, .01, Pass, func(in *Input, v float64) { in.set("challenge_shift", v) }},
	{"H1", "throttled", 10, .1, Pass, func(in *Input, v float64) { in.check(stretch.Throttled, v) }},
	{"H2", "repeats", 0, 1, Pass, func(in *Input, v float64) { in.check(stretch.Repeats, v) }},
	{"H2", "warmth", 5, -.1, Pass, func(in *Input, v float64) { in.check(stretch.Warmth, v) }},
	{"I1", "claims", 0, 1, Pass, func(in *Input, v float64) {
		if v > 0 {
			in.Nodes[0].GPUs = []string{"gpu-0"}
		}
	}},
	{"I2", "differing", 0, 1, Pass, func(in *Input, v float64) {
		if v > 0 {
			gpu0(in).Architecture = "ampere"
		}
	}},
	{"C1", "back", 0, 1, Pass, func(in *Input, v float64) {
		if v > 0 {
			in.Clock.Step = "rollback"
		}
	}},
	{"C2", "covered", 95, -.1, Pass, func(in *Input, v float64) { in.Telemetry.Coverage.Percent = v }},
	{"C3", "absent", 0, 1, Pass, func(in *Input, v float64) { in.Tap.Found = 20 - int(v) }},
	{"V1", "unshown", 0, 1, Pass, func(in *Input, v float64) { in.Confidential.Reports = ptr(8 - int(v)) }},
}

func part(out []Outcome, rule, part string) *Outcome {
	var found *Outcome
	for i := range out {
		if o := &out[i]; o.ID == rule && o.Part == part && (found == nil || o.Outcome == Violated) {
			found = o
		}
	}
	return found
}

func TestEachRuleAtItsLimitAndOnEitherSide(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range limitCases {
		seen[c.rule] = true
		for _, at := range []struct {
			name string
			v    float64
			want string
		}{{"at", c.limit, c.at}, {"beyond", c.limit + c.step, Violated}, {"before", c.limit - c.step, Pass}} {
			if at.name == "before" && (at.v < 0 || c.rule == "N2") { // there is no such number
				continue
			}
			in := full()
			c.set(in, at.v)
			o := part(Judge(in, fitted()), c.rule, c.part)
			if o == nil || o.Outcome != at.want {
				t.Errorf("%s.%s %s its limit (%v): %+v, want %s", c.rule, c.part, at.name, at.v, o, at.want)
				continue
			}
			if o.Value == nil || o.Limit == nil || o.Margin == nil || o.Unit == "" || len(o.Inputs) == 0 || o.Assurance == "" || o.Basis == "" {
				t.Errorf("%s.%s: incomplete: %+v", c.rule, c.part, o)
			} else if at.name == "beyond" && *o.Margin >= 0 || at.name == "before" && *o.Margin <= 0 {
				t.Errorf("%s.%s %s: margin %v", c.rule, c.part, at.name, *o.Margin)
			}
		}
	}
	for _, r := range All() {
		if !seen[r.ID] {
			t.Errorf("%s has no case", r.ID)
		}
	}
	for _, l := range fitted().Limits {
		if !slices.ContainsFunc(limitCases, func(c limitCase) bool { return c.rule == l.Rule && c.part == l.Name }) {
			t.Errorf("%s.%s has no case", l.Rule, l.Name)
		}
	}
}

// unable are reasons why each rule cannot be judged: honest nodes are among them.
var unableCases = map[string]map[string]func(*Input){
	"M1": {"one epoch only": func(in *Input) {
		in.set("t", 3)
		in.Stats = slices.DeleteFunc(in.Stats, func(s Stat) bool { return s.Epoch.ID != "e1" || s.Sample.Set != "" })
	},
		"peers are no reference": func(in *Input) { in.each(func(r *stats.Result) { r.Reference.Kind = stats.Peers }) },
		"inconclusive":           func(in *Input) { in.each(func(r *stats.Result) { r.Decision = stats.Inconclusive }) },
		"adapters":               func(in *Input) { in.Engines[0].Adapted = "--enable-lora" },
		"no reference":           func(in *Input) { in.Engines[0].Model.Reference = Unknown },
		"no results":             func(in *Input) { in.Stats = nil },
		"of somebody else's key": func(in *Input) { in.disown() },
		"of another endpoint":    func(in *Input) { in.each(func(r *stats.Result) { r.Subject.Endpoint = "https://other.example" }) },
		"of which engine": func(in *Input) {
			in.Engines = append(in.Engines, in.Engines[0])
			in.each(func(r *stats.Result) { r.Subject.Endpoint = "" })
		},
		"of another model":          func(in *Input) { in.each(func(r *stats.Result) { r.Subject.ModelRef = "qwen" }) },
		"no model that is complete": func(in *Input) { in.Engines[0].Model = nil }},
	"M2": {"no reference": func(in *Input) { in.Engines[0].Model.Reference = Unknown }, "the reference's": func(*Input) {}, "compared with nothing": func(in *Input) {
		in.Engines[0].Model.Reference = Different
		in.each(func(r *stats.Result) { r.Reference.Kind = stats.None })
	}, "no model": func(in *Input) { in.Engines[0].Model = nil }},
	"M3": {"none declared": func(in *Input) { in.Engines[0].Precision = nil }, "not comparable": func(in *Input) { in.Engines[0].Precision = &Precision{Why: "several models"} }},
	"M4": {"processes are hidden": func(in *Input) { in.Engines[0].Held = nil }, "other hosts": func(in *Input) { in.Engines[0].Declared.TensorParallel = 16 }, "no model": func(in *Input) { in.Engines[0].Model = nil }},
	"M5": {"no reference": func(in *Input) { in.each(func(r *stats.Result) { r.Reference.Kind = stats.None }) }, "greedy": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Sampling.Temperature = ptr(0.0) }) }, "not said how": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Sampling = nil }) }},
	"R1": {"not alone": func(in *Input) { in.Engines[0].Declared.Alone = false }, "speculation not declared": func(in *Input) { in.Engines[0].Declared.Speculation = nil },
		"deep speculation": func(in *Input) { in.Engines[0].Declared.Speculation = ptr(uint64(100)) }, "packed anew": func(in *Input) { in.Engines[0].Repacked = "--quantization fp8" },
		"adapters": func(in *Input) { in.Engines[0].Adapted = "--enable-lora" }, "small": func(in *Input) { in.Engines[0].Model.LeastBytes = ptr(1.1e9) },
		"unknown experts": func(in *Input) { in.Engines[0].Model.LeastBytes = nil }, "prompts not new": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Sampling.UniquePrompts = false }) },
		"MIG": func(in *Input) { gpu0(in).Sliced = "MIG" }, "unknown board": func(in *Input) { gpu0(in).Model = nil }, "other hosts": func(in *Input) { in.Engines[0].Declared.TensorParallel = 16 },
		"no endpoint":                  func(in *Input) { in.each(func(r *stats.Result) { r.Subject.Endpoint = "" }) },
		"no model named":               func(in *Input) { in.each(func(r *stats.Result) { r.Subject.ModelRef = "" }) },
		"no model declared":            func(in *Input) { in.Engines[0].Declared.Model = "" },
		"started at the end of time":   func(in *Input) { in.Engines[0].Since = math.MaxUint64 },
		"started in between":           func(in *Input) { in.Engines[0].Since = asked + 1 },
		"started a moment before":      func(in *Input) { in.Engines[0].Since = asked - 1000 },
		"start not known":              func(in *Input) { in.Engines[0].Since = 0 },
		"evidence before the answers":  func(in *Input) { in.Sent = answered - 1 },
		"times not stated":             func(in *Input) { in.each(func(r *stats.Result) { r.Epoch.StartMS = 0 }) },
		"of somebody else's key":       func(in *Input) { in.disown() },
		"no GPU":                       func(in *Input) { in.GPUs = nil },
		"no rate":                      func(in *Input) { in.set("e2e_rate", -1) },
		"no whole answers timed":       func(in *Input) { in.drop("e2e_rate") },
		"no model":                     func(in *Input) { in.Engines[0].Model = nil },
		"bandwidth without any source": func(in *Input) { m := *gpu0(in).Model; m.MemoryGBps = nil; gpu0(in).Model = &m }},
	"R2": {"not timed": func(in *Input) { in.each(func(r *stats.Result) { r.Latency = nil }) }, "unknown board": func(in *Input) { gpu0(in).Model = nil }},
	"R3": {"short prompts": func(in *Input) { in.set("prefill_tokens", 100) }, "not alone": func(in *Input) { in.Engines[0].Declared.Alone = false },
		"prompts not new":       func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Sampling.UniquePrompts = false }) },
		"parameters not known":  func(in *Input) { in.Engines[0].Model.LeastParameters = nil },
		"arithmetic not known":  func(in *Input) { m := *gpu0(in).Model; m.DenseTFLOPs, m.DenseFP8TFLOPs = nil, nil; gpu0(in).Model = &m },
		"evidence from before":  func(in *Input) { in.Sent = answered - 1 },
		"whole boards only":     func(in *Input) { gpu0(in).Sliced = "vgpu" },
		"time that runs back":   func(in *Input) { in.set("prefill_ms", -1) },
		"no time":               func(in *Input) { in.set("prefill_ms", 0) },
		"nothing of this timed": func(in *Input) { in.drop("prefill_ms") }},
	"R4": {"not timed": func(in *Input) { in.each(func(r *stats.Result) { r.Latency = nil }) }},
	"E1": {"no limit is known": func(in *Input) { in.GPUs[3].Model = nil }, "not alone": func(in *Input) { in.Engines[0].Declared.Alone = false }, "no counter": func(in *Input) { in.Telemetry.Activity[3].EnergyJ = nil },
		"too few tokens": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Tokens = 100 }) }, "asked outside": func(in *Input) { in.Telemetry.ToMS = answered - 1 },
		"no telemetry": func(in *Input) { in.Telemetry = nil }, "a GPU that the telemetry does not show": func(in *Input) { in.Telemetry.Activity = in.Telemetry.Activity[:7] },
		"a GPU that was followed for half the time": func(in *Input) { in.Telemetry.Activity[3].Seconds = 300 }, "another GPU than was counted": func(in *Input) {
			in.Engines[0].Declared.Model = "qwen"
			in.each(func(r *stats.Result) { r.Subject.ModelRef = "qwen" })
		}},
	"E2": {"no segment": func(in *Input) { clear1(in, "E2") }},
	"U1": {"never busy": func(in *Input) { in.Telemetry.Activity[0].BusyAtPower = nil }},
	"U2": {"gaps that may hide the work": func(in *Input) { in.Telemetry.Activity[2].Seconds = .96*in.Telemetry.SpanSeconds - 5 }, "little work": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Tokens = 1000 }) }, "no utilisation": func(in *Input) {
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].MostBusy = nil
		}
	}, "asked outside": func(in *Input) { in.Telemetry.FromMS = asked + 1 }, "not alone": func(in *Input) { in.Engines[0].Declared.Alone = false }},
	"N1": {"prompts not new": func(in *Input) { in.each(func(r *stats.Result) { r.Sample.Sampling.UniquePrompts = false }) }, "counters of one GPU only": func(in *Input) {
		for i := range in.Telemetry.Activity[1:] {
			in.Telemetry.Activity[i+1].LinkSentMiB = nil
		}
	}, "no model named": func(in *Input) { in.each(func(r *stats.Result) { r.Subject.ModelRef = "" }) },
		"no endpoint":        func(in *Input) { in.each(func(r *stats.Result) { r.Subject.Endpoint = "" }) },
		"started in between": func(in *Input) { in.Engines[0].Since = asked + 1 },
		"adapters":           func(in *Input) { in.Engines[0].Adapted = "--enable-lora" }, "one GPU": func(in *Input) { in.Engines[0].Declared.TensorParallel = 1 }, "form not known": func(in *Input) { in.Engines[0].Model.Layers = nil }, "no counters": func(in *Input) {
			for i := range in.Telemetry.Activity {
				in.Telemetry.Activity[i].LinkSentMiB = nil
			}
		}},
	"N2": {"MIG": func(in *Input) { gpu0(in).Sliced = "MIG" }, "unknown board": func(in *Input) { gpu0(in).Model = nil }, "not stated": func(in *Input) { gpu0(in).ActiveLinks = nil },
		"one alone in a guest": func(in *Input) { in.GPUs = in.GPUs[:1]; gpu0(in).ActiveLinks = ptr(0) }},
	"N3": {"no counters": func(in *Input) {
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].LinkSentMiB = nil
		}
	}},
	"L1": {"declared": func(in *Input) { in.Engines[0].Declared.Speculation = ptr(uint64(3)) }, "not stated": func(in *Input) { in.Engines[0].Declared.Speculation = nil }, "not timed": func(in *Input) { in.drop("itl_low_share") }},
	"L2": {"not compared": func(in *Input) { in.drop("challenge_p") }},
	"H1": {"too short": func(in *Input) { clear1(in, "H1") }},
	"H2": {"no load": func(in *Input) { clear1(in, "H2") }},
	"I1": {"too many were stated": func(in *Input) { in.GPUs[0].Untold = "the node has stated 512 others" }, "no UUIDs": func(in *Input) {
		for i := range in.GPUs {
			in.GPUs[i].Identity = ""
		}
	}},
	"I2": {"MIG": func(in *Input) { gpu0(in).Sliced = "MIG" }, "unknown board": func(in *Input) { gpu0(in).Model = nil }, "nothing stated": func(in *Input) {
		g := gpu0(in)
		g.Architecture, g.ComputeCapability, g.MemoryMiB, g.MemoryBusBits, g.CUDACores = "", "", nil, nil, nil
	}},
	"C1": {"no finite value": nil},
	"C2": {"one answer": func(in *Input) { in.Telemetry.Coverage = nil }},
	"C3": {"no questions": func(in *Input) { in.Tap.Questions, in.Tap.Found = 0, 0 }},
	"V1": {"no reports are read": func(in *Input) { in.Confidential.Reports = nil }},
}

func (in *Input) disown() {
	for i := range in.Stats {
		in.Stats[i].Own = false
	}
}

// clear1 takes the values of one rule from one GPU.
func clear1(in *Input, rule string) {
	for i := range in.Telemetry.Checks {
		if k := &in.Telemetry.Checks[i]; k.Rule == rule && k.GPU == "gpu-0" {
			k.Value, k.Reason = nil, "too short"
		}
	}
}

func TestEachRuleSaysWhatItCannotJudge(t *testing.T) {
	for _, r := range All() {
		if len(unableCases[r.ID]) == 0 {
			t.Errorf("%s has no case", r.ID)
		}
		for name, change := range unableCases[r.ID] {
			if change == nil { // a clock is judged or missing
				continue
			}
			in := full()
			change(in)
			list := of(Judge(in, fitted()), r.ID)
			i := slices.IndexFunc(list, func(o Outcome) bool { return o.Outcome == NotEvaluable || o.Outcome == Missing })
			if i < 0 || list[i].Reason == "" || list[i].Cause == "" {
				t.Errorf("%s, %s: %+v", r.ID, name, list)
			}
			if slices.ContainsFunc(list, func(o Outcome) bool { return o.Outcome == Violated }) {
				t.Errorf("%s, %s: violated", r.ID, name)
			}
		}
	}
}

func TestEachRuleIsMissingWithoutItsInput(t *testing.T) {
	without := func(in *Input, id string) {
		switch id {
		case "M1", "M2", "M3", "M4", "M5", "R1", "R2", "R3", "E1", "U2", "N1", "L1", "L2":
			in.Engines = nil
		case "R4":
			in.Local = nil
		case "E2", "U1", "H1", "H2", "C2":
			in.Telemetry = nil
		case "N2", "I2":
			in.GPUs = nil
		case "N3":
			in.RDMA = nil
		case "I1":
			in.Nodes = nil
		case "C1":
			in.Clock = nil
		case "C3":
			in.Tap = nil
		case "V1":
			in.Confidential = nil
		default:
			t.Errorf("%s has no case", id)
		}
	}
	for _, r := range All() {
		in := full()
		without(in, r.ID)
		for _, o := range of(Judge(in, fitted()), r.ID) {
			if o.Outcome != Missing || o.Cause == "" {
				t.Errorf("%s: %+v", r.ID, o)
			}
		}
	}
}

// In moments that nobody recorded a GPU is taken to have done as much as in the others.
func TestEnergyOfUnrecordedMomentsIsNotHeldAgainstANode(t *testing.T) {
	in := full()
	whole := part(Judge(in, fitted()), "E1", "j_per_token")
	for i := range in.Telemetry.Activity {
		a := &in.Telemetry.Activity[i]
		a.Seconds, a.EnergyJ = a.Seconds*.96, ptr(*a.EnergyJ*.96)
	}
	if o := part(Judge(in, fitted()), "E1", "j_per_token"); o == nil || whole == nil || math.Abs(*o.Value-*whole.Value) > 1e-9 {
		t.Errorf("%+v, %+v", whole, o)
	}
}

// Of a node that was busy throughout all energy counts: nothing of it is known to be rest.
func TestEnergyOfABusyNodeIsNotTakenForRest(t *testing.T) {
	for name, c := range map[string]struct {
		joules float64
		want   string
	}{"work": {200_000, Pass}, "as good as none": {100_000, Violated}} {
		in := full()
		for i := range in.Telemetry.Activity {
			in.Telemetry.Activity[i].RestW, in.Telemetry.Activity[i].EnergyJ = nil, &c.joules
		}
		if o := part(Judge(in, fitted()), "E1", "j_per_token"); o == nil || o.Outcome != c.want {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// Boards of GDDR memory have a sixteenth less of it with check bits than without.
func TestCheckBitsAreNoOtherBoard(t *testing.T) {
	for factor, want := range map[float64]string{16. / 15: Pass, 15. / 16 * .985: Pass, .9: Violated, 1.1: Violated} {
		in := full()
		gpu0(in).MemoryMiB = ptr(*gpu0(in).MemoryMiB * factor)
		if o := part(Judge(in, fitted()), "I2", "differing"); o.Outcome != want {
			t.Errorf("%.3f: %+v", factor, o)
		}
	}
}

// Layers may be computed in the memory of the host: where not all weights are seen on the GPUs, it adds to the bound.
func TestHostMemoryAddsToTheBoundWhereWeightsAreNotSeen(t *testing.T) {
	bound := func(change func(*Engine)) float64 {
		in := full()
		change(&in.Engines[0])
		o := part(Judge(in, fitted()), "R1", "share")
		return 600 / *o.Value
	}
	seen := bound(func(*Engine) {})
	for name, change := range map[string]func(*Engine){"not known": func(e *Engine) { e.Held = nil }, "half of them": func(e *Engine) { e.Held = ptr(uint64(8e9)) }} {
		if got := bound(change); math.Abs(got-seen-600e9/3.6e9) > 1e-6 {
			t.Errorf("%s: %v, %v with all of them", name, got, seen)
		}
	}
}

// Whoever leaves out one UUID of several, or claims one card under many names, must not be let off by that.
func TestI1IsSilentAboutNoGPU(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"its UUID is left out":                 {func(in *Input) { gpu0(in).Identity = "" }, NotEvaluable},
		"called a slice":                       {func(in *Input) { gpu0(in).Sliced = "vGPU" }, NotEvaluable},
		"not all who state it were read":       {func(in *Input) { gpu0(in).Untold, gpu0(in).FirstStated = "70 others", quoted1 }, Violated},
		"nor is it known since when it had it": {func(in *Input) { gpu0(in).Untold, gpu0(in).FirstStated = "70 others", 0 }, NotEvaluable},
		"those read came later":                {func(in *Input) { gpu0(in).Untold, gpu0(in).FirstStated = "70 others", began-1 }, NotEvaluable},
	} {
		in := full()
		in.Nodes[0].GPUs = []string{"gpu-0"}
		c.change(in)
		found := false
		for _, o := range Judge(in, fitted()) {
			if o.ID == "I1" && o.Subject == gpu0(in).Name {
				found = true
				if o.Outcome != c.want || o.Reason == "" {
					t.Errorf("%s: %+v", name, o)
				}
			}
		}
		if !found {
			t.Errorf("%s: nothing is said of gpu-0", name)
		}
	}
}

// A GPU's identity is no secret: whoever copies it must not harm the one who has it.
func TestWhoClaimsAnothersGPUBurdensHimself(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"the other stated it before":           {func(*Input) {}, Violated},
		"the other came later":                 {func(in *Input) { gpu0(in).FirstStated = began - 1 }, Pass},
		"the other's is asserted, ours is not": {func(in *Input) { gpu0(in).From.By = Measured }, Pass},
		"the other's is measured":              {func(in *Input) { gpu0(in).FirstStated = began - 1; in.Nodes[0].From.By = Measured }, Violated},
		"we stated another GPU first":          {func(in *Input) { in.GPUs[1].FirstStated = began - 1 }, Violated},
		"it moved to one that had others": {func(in *Input) {
			in.GPUs[1].FirstStated, in.GPUs[0].FirstStated, in.Nodes[0].Last = began-1, quoted1+50, answered
		}, Pass},
		"it moved": {func(in *Input) { gpu0(in).FirstStated = quoted1 + 50; in.Nodes[0].Last = answered }, Pass},
	} {
		in := full()
		in.Nodes[0].GPUs = []string{"gpu-0"}
		c.change(in)
		if o := part(Judge(in, fitted()), "I1", "claims"); o.Outcome != c.want || o.Contradicts {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestValuesThatAreNoNumbersAreNotJudged(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, c := range limitCases {
			switch c.rule {
			case "I1", "I2", "C1", "C3", "V1", "N2", "M4":
				continue // whole numbers
			}
			in := full()
			c.set(in, v)
			for _, o := range of(Judge(in, fitted()), c.rule) {
				if o.Part == c.part && o.Value != nil && (math.IsNaN(*o.Value) || math.IsInf(*o.Value, 0)) {
					t.Errorf("%s.%s of %v: %s", c.rule, c.part, v, o.Outcome)
				}
			}
		}
	}
}

// The node's gaps are not the validator's omission.
func TestGapsInTelemetryAreSaid(t *testing.T) {
	in := full()
	in.Telemetry.FromMS, in.Telemetry.ToMS = 0, 0
	for _, id := range []string{"E1", "U2", "N1"} {
		if o := of(Judge(in, fitted()), id); len(o) != 1 || o[0].Cause != Premise || !strings.Contains(o[0].Reason, "gaps") {
			t.Errorf("%s: %+v", id, o)
		}
	}
}

// A node may state 16 engines of 16 addresses each, and a validator have many results.
func BenchmarkManyAddresses(b *testing.B) {
	cal := fitted()
	in := full()
	for i := range 15 {
		e := in.Engines[0]
		e.Name, e.Public = fmt.Sprint(i), nil
		for j := range 16 {
			e.Public = append(e.Public, fmt.Sprintf("https://NODE-%d.example:443/v%d/", i, j))
		}
		in.Engines = append(in.Engines, e)
	}
	for range 5 {
		in.Stats = append(in.Stats, in.Stats[:15]...)
	}
	b.ReportAllocs()
	for b.Loop() {
		in.urls = nil
		Judge(in, cal)
	}
}

func TestAddressesAreComparedAsPeopleDo(t *testing.T) {
	in := &Input{}
	for _, same := range [][2]string{{"https://a.example/v1", "HTTPS://A.example:443/v1/"}, {"http://a:80", "http://a/"}, {"%zz", "%zz"}} {
		if !in.sameURL(same[0], same[1]) || !in.sameURL(same[1], same[0]) {
			t.Errorf("%v differ", same)
		}
	}
	for _, not := range [][2]string{{"https://a.example/v1", "http://a.example/v1"}, {"https://a/v1", "https://a/V1"}, {"https://a:8443", "https://a"}, {"%zz", "https://a"}} {
		if in.sameURL(not[0], not[1]) {
			t.Errorf("%v are one", not)
		}
	}
}
