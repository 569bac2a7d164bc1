package verify

import (
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func (ap *Appraised) engineInput(refs *References) (out []rules.Engine, why string) {
	if _, stated := ap.claims[attest.KindEngine]; !stated {
		return nil, ap.why(attest.KindEngine)
	}
	for i := range ap.engineList {
		e := &ap.engineList[i]
		r := rules.Engine{Name: e.Name, From: ap.source(attest.KindEngine), Public: e.Public, Repacked: argument(e, repacking), Adapted: argument(e, adapting),
			Declared: rules.Declared{Model: e.Declared.Model, Precision: e.Declared.Precision, TensorParallel: e.Declared.TensorParallel, Speculation: e.Declared.Speculation, Alone: e.Declared.Alone}}
		if e.Process != nil && e.Process.StartMs != nil {
			r.Since = startedBy(ap.auth.record.Received, ap.engineAt, *e.Process.StartMs)
		}
		r.Model, r.ModelWhy = modelFacts(refs, e)
		r.Precision = precisionInput(refs, e)
		ap.held(e, &r)
		out = append(out, r)
	}
	return out, "the configuration names no engine"
}

// startedBy is the latest time, by the validator's clock, at which a process can have begun that claims say to have run
// for obtained - start: both are by the node's clock, whatever that shows. 0 where they make no time.
func startedBy(received, obtained, start uint64) uint64 {
	if start == 0 || obtained < start {
		return 0
	}
	return received - min(received, obtained-start)
}

// Arguments after which the bytes in GPU memory are not those of the files, and those by which a model gets adapters: files of settings
// may say either, and count as if they did.
var (
	repacking = []string{"--quantization", "--quantize", "--load-format", "--torchao-config", "--hf-overrides", "--config", "--extra_llm_api_options", "QUANTIZE"}
	adapting  = []string{"--enable-lora", "--lora-modules", "--lora", "--lora-adapters", "--lora-paths", "LORA_ADAPTERS"}
)

func argument(e *engine.Engine, names []string) string {
	if e.Process == nil {
		return ""
	}
	for _, a := range slices.Concat(e.Process.Args, e.Process.Environment) {
		if slices.Contains(names, a.Name) && a.Value != "auto" && a.Value != "safetensors" {
			return clip(strings.TrimSpace(a.Name + " " + a.Value))
		}
	}
	return ""
}

// modelFacts describes the model that the declaration is about; nil with the reason where nothing tells which that is.
func modelFacts(refs *References, e *engine.Engine) (*rules.ModelFacts, string) {
	list := meant(refs, e)
	switch {
	case len(list) == 0:
		return nil, "no model is configured (engines[].models)"
	case len(list) > 1:
		return nil, "several models, and nothing tells which of them is declared"
	case !list[0].Complete:
		return nil, "the model's files are not all measured"
	}
	m := list[0]
	f := &rules.ModelFacts{Reference: rules.Unknown, ActiveWhy: "the headers of the weights were not counted"}
	switch refs.model(modelName(e, m), m) {
	case matchesReference, sameWeights:
		f.Reference = rules.Matches
	case differsFromReference:
		f.Reference = rules.Different
	}
	c := refs.counted[attest.Digest(m.Digest)] // the digest binds the bytes: the validator's own count is at least as good
	if c == nil {
		c = m.Census
	}
	if c == nil {
		return f, ""
	}
	f.WeightBytes = float64(censusBytes(c) - c.UnknownBytes)
	if c.ActiveParameters == nil {
		f.ActiveWhy = "how many experts a token uses is not known"
		return f, ""
	}
	bits := leastBits(c)
	active, least := float64(*c.ActiveParameters)*bits/8, .9*float64(*c.ActiveParameters-c.SideParameters)
	bytes := least * min(bits, packedBits) / 8
	f.ActiveBytes, f.LeastParameters, f.LeastBytes = &active, &least, &bytes
	return f, ""
}

// packedBits is the most that a parameter is surely read with: engines may pack wider weights anew while they load them.
const packedBits = 4

// leastBits is the least storage of one parameter among the types that hold a hundredth of them or more.
func leastBits(c *census.Census) float64 {
	least := 0.0
	for _, t := range c.ByType {
		if bits := float64(t.MilliBits) / 1000; t.Parameters >= c.Parameters/100 && (least == 0 || bits < least) {
			least = bits
		}
	}
	return least
}

// held sums what the processes of an engine hold on all GPUs.
func (ap *Appraised) held(e *engine.Engine, r *rules.Engine) {
	c := ap.gpuClaims
	switch {
	case c == nil:
		r.HeldWhy = "no GPU claims"
		return
	case e.Process == nil:
		r.HeldWhy = "no process of the engine was found"
		return
	}
	pids := map[uint64]bool{e.Process.PID: true}
	for _, k := range e.Tree {
		pids[k.PID] = true
	}
	sum, known := uint64(0), true
	for i := range c.GPUs {
		d := &c.GPUs[i]
		if d.Processes == nil {
			r.HeldWhy = "the processes on a GPU are not known"
			return
		}
		for _, p := range d.Processes {
			if p.Kind != gpu.ProcessCompute || !pids[p.PID] {
				continue
			}
			if d.PCI != nil {
				r.GPUs = append(r.GPUs, d.PCI.Address)
			}
			if known = known && p.UsedBytes != nil; known {
				sum += *p.UsedBytes
			}
		}
	}
	switch {
	case !known:
		r.HeldWhy = "the driver does not say how much each process holds"
	case sum == 0:
		r.HeldWhy = "no process of the engine is among those on the GPUs: containers and multi-process servers hide them"
	default:
		r.Held = &sum
	}
}

func precisionInput(refs *References, e *engine.Engine) *rules.Precision {
	p := declaredPrecision(refs, e)
	if p.Verdict == census.NotEvaluable {
		return &rules.Precision{Why: p.Why}
	}
	below := p.BelowPermille
	if p.Verdict == census.Lower { // shares are rounded down
		below = max(below, p.LimitPermille+1)
	}
	return &rules.Precision{BelowPermille: float64(below), LimitPermille: float64(p.LimitPermille), Why: p.Why, Comparable: true}
}
