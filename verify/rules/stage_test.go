package rules

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/catalogue"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

func ptr[T any](v T) *T { return &v }

// A staged node's day: the engine starts, questions are asked, and the node is challenged.
const (
	began    = 1_000_000_000_000
	asked    = began + 3_600_000
	answered = asked + 600_000
	quoted1  = answered + 1_000
)

func claim(kind string) Source { return Source{"claim " + kind, "", Asserted} }

func stat(method stats.MethodName, epoch string, values map[string]float64) Stat {
	r := &stats.Result{Schema: stats.Schema, Method: stats.Method{Name: method}, Decision: stats.Inlier,
		Subject: stats.Subject{NodeID: "n", ModelRef: "llama", Endpoint: "https://node.example/v1"}, Epoch: stats.Epoch{ID: epoch, StartMS: asked, EndMS: answered},
		Reference: stats.Reference{Kind: stats.Anchor, N: 100}, Sample: stats.Sample{Questions: 20, Repeats: 10, Tokens: 100_000,
			Sampling: &stats.Sampling{Temperature: ptr(.7), UniquePrompts: true}}}
	for _, name := range slices.Sorted(mapKeys(values)) {
		s := stats.New(name)
		s.Value = ptr(values[name])
		r.Stats = append(r.Stats, s)
	}
	return Stat{Result: r, From: Source{"stat-result " + string(method) + " of " + epoch, "", Validator}, Own: true}
}

func mapKeys(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// full is a node that passes every rule: eight H100 with a model of 16 GB, asked in three epochs, challenged twice.
func full() *Input {
	h100 := catalogue.ByDeviceID(catalogue.NVIDIA, 0x2330)
	in := &Input{Sent: quoted1, Received: quoted1 + 100, Nodes: []Node{{Name: "m", From: claim("gpu"), GPUs: []string{"another"}, First: began, Last: quoted1 + 3_600_000}}}
	e := Engine{Name: "main", From: claim("engine"), Public: []string{"https://node.example/v1/"}, Since: began, Held: ptr(uint64(20e9)),
		Declared:  Declared{Model: "llama", Precision: "bf16", TensorParallel: 8, Speculation: ptr(uint64(0)), Alone: true},
		Precision: &Precision{BelowPermille: 3, LimitPermille: 50, Comparable: true},
		Model:     &ModelFacts{Reference: Matches, WeightBytes: 16e9, ActiveBytes: ptr(16e9), LeastParameters: ptr(7.2e9), LeastBytes: ptr(3.6e9), Layers: ptr(32.0), Width: ptr(4096.0), ActivationBytes: ptr(2.0)}}
	t := &Telemetry{From: claim("telemetry"), FromMS: asked - 1000, ToMS: answered + 500, SpanSeconds: 601, Coverage: &Coverage{Percent: 100, LargestMS: 1000, AllowedMS: 10_000, Of: "challenge"}}
	for i := range 8 {
		key := fmt.Sprintf("gpu-%d", i)
		in.GPUs = append(in.GPUs, GPU{Name: "GPU " + key, Key: key, From: claim("gpu"), Model: h100, Named: "NVIDIA H100 80GB HBM3", Identity: key, Architecture: "hopper", ComputeCapability: "9.0",
			MemoryMiB: ptr(81559.0), MemoryBusBits: ptr(5120.0), CUDACores: ptr(16896.0), ActiveLinks: ptr(18)})
		t.Activity = append(t.Activity, stretch.Activity{GPU: key, Seconds: 601, EnergyJ: ptr(200_000.0), LimitW: ptr(700.0), RestW: ptr(70.0), MostBusy: ptr(100.0),
			LinkSentMiB: ptr(60_000.0), BusyAtPower: ptr(.5), BusySeconds: 500})
		for what, v := range map[string]float64{stretch.OverLimit: 60, stretch.Apart: 2, stretch.Rises: 0, stretch.Throttled: 1, stretch.Repeats: 0, stretch.Warmth: 20} {
			rule := map[string]string{stretch.Throttled: "H1", stretch.Repeats: "H2", stretch.Warmth: "H2"}[what]
			if rule == "" {
				rule = "E2"
			}
			t.Checks = append(t.Checks, stretch.Check{Rule: rule, What: what, GPU: key, Value: ptr(v)})
		}
	}
	in.Engines, in.Telemetry = []Engine{e}, t
	for _, epoch := range []string{"e1", "e2", "e3"} {
		in.Stats = append(in.Stats, stat(stats.EmbeddingScore, epoch, map[string]float64{"t": 1.1}), stat(stats.EnergyDistance, epoch, map[string]float64{"scatter_ratio": 1}))
		know := stat(stats.EmbeddingScore, epoch, map[string]float64{"t": 1.2})
		know.Sample.Set = stats.Knowledge
		lat := stat(stats.LatencyMethod, epoch, map[string]float64{"e2e_rate": 600, "prefill_ms": 200, "prefill_tokens": 1024, "itl_low_share": .01, "challenge_shift": .02, "challenge_p": 1e-4})
		lat.Latency = &stats.Latency{TTFT: &stats.Summary{P50: 60, N: 100}, TokensPerSecond: &stats.Summary{P50: 700, N: 100}}
		in.Stats = append(in.Stats, know, lat, stat(stats.ForcedChallenge, epoch, map[string]float64{"dlogprob": .01}))
	}
	in.Clock = &Clock{From: Source{"TPM quote", "", Hardware}, Step: "continuous", Seen: "later than before"}
	in.Local = &Local{From: claim("engine"), TTFTMS: 40, RTTMS: 15}
	in.Tap = &Tap{From: claim("telemetry"), Questions: 20, Found: 20}
	in.RDMA = &RDMA{From: claim("host"), Bytes: 1e6}
	in.Confidential = &Confidential{From: claim("gpu"), Devices: 8, Reports: ptr(8)}
	return in
}

// fitted is the built-in calibration with every uncalibrated limit counted on 300 honest nodes, and a limit for E1.
func fitted() *Calibration {
	c := *DefaultCalibration()
	c.Limits = slices.Clone(c.Limits)
	for i := range c.Limits {
		if l := &c.Limits[i]; l.Rule != "E1" && (l.Status == Uncalibrated || l.Status == Counted) {
			l.Status, l.Honest = Counted, &Honest{Nodes: 300}
		}
	}
	c.Limits = append(c.Limits, Limit{Rule: "E1", Name: "j_per_token", Value: 10, Unit: "J", Bad: "<", Status: Counted, Source: "staged", Honest: &Honest{Nodes: 300}, Scope: &Scope{GPU: "H100 SXM5 80GB", Model: "llama"}})
	return &c
}

func of(out []Outcome, rule string) (list []Outcome) {
	for _, o := range out {
		if o.ID == rule {
			list = append(list, o)
		}
	}
	return list
}

func (in *Input) each(change func(*stats.Result)) {
	for i := range in.Stats {
		change(in.Stats[i].Result)
	}
}

// set gives every result that has a stat of this name another value.
func (in *Input) set(name string, v float64) {
	in.each(func(r *stats.Result) {
		for i := range r.Stats {
			if r.Stats[i].Name == name {
				r.Stats[i].Value = &v
			}
		}
	})
}

func (in *Input) check(what string, v float64) {
	for i := range in.Telemetry.Checks {
		if k := &in.Telemetry.Checks[i]; k.What == what && k.GPU == "gpu-0" {
			k.Value = &v
		}
	}
}

func (in *Input) drop(names ...string) {
	in.Stats = slices.DeleteFunc(in.Stats, func(s Stat) bool { return has(names...)(s.Result) })
}

func TestFullNodePassesEveryRule(t *testing.T) {
	out := Judge(full(), fitted())
	for _, r := range All() {
		list := of(out, r.ID)
		if len(list) == 0 {
			t.Errorf("%s is silent", r.ID)
		}
		for _, o := range list {
			if o.Outcome != Pass && o.ID != "M2" { // which is about other weights than the reference's
				t.Errorf("%s %s %s: %s: %s", o.ID, o.Part, o.Subject, o.Outcome, o.Reason)
			}
		}
	}
	if c := Conclude(out); c.Judgement != Clear || c.Score != 0 {
		t.Errorf("%+v", c)
	}
	if h := Explain(out); h[0].Name != "honest" {
		t.Errorf("%s first", h[0].Name)
	}
}

func TestNothingGivenIsNothingPassed(t *testing.T) {
	out := Judge(&Input{}, fitted())
	for _, o := range out {
		if o.Outcome != Missing || o.Reason == "" || o.Cause == "" {
			t.Errorf("%s: %s, cause %q: %q", o.ID, o.Outcome, o.Cause, o.Reason)
		}
	}
	if len(out) != 26 {
		t.Errorf("%d outcomes", len(out))
	}
}
