package rules

import (
	"fmt"
	"slices"
)

// N1: fewer bytes over the links than the declared way to share the work needs.
//
//	violated: NVLink bytes sent per GPU and token / (2 L h a)  below the limit
//
// L layers of width h exchange two sums a token, of numbers of a bytes; in-switch reduction sends each once (c = 1). Unit: 1. The form of
// the model and of its sums is no evidence of this version.
var n1 = Rule{ID: "N1", Group: Fabric, Kind: Bound,
	Reads:    []string{"telemetry nvlink_sent_kib", "engines[].declared.tensor_parallel", "stat-result sample.tokens", "layers and width of the model"},
	Sentence: "The declared GPUs sent less over NVLink than their share of the served tokens needs: fewer GPUs work, or another model.",
	Honest:   "Pipeline or expert parallelism, quantised sums, peer copies over PCIe: declare them.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			m := eng.Model
			switch {
			case eng.Declared.TensorParallel < 2:
				e.unable(subject, NotApplicable, "no tensor parallelism is declared", eng.From)
				return
			case m == nil || m.Layers == nil || m.Width == nil || m.ActivationBytes == nil:
				e.unable(subject, NotBuilt, "layers and width of the model are no evidence of this version", eng.From)
				return
			}
			s, list, inputs, ok := e.served(eng)
			if !ok || !e.observed(eng, s) {
				return
			}
			if !unique(s.Result) {
				e.unable(subject, Lacking, "the prompts were not all new: an answer may have been kept (sampling.unique_prompts)", inputs...)
				return
			}
			tokens, sent, gpus := float64(s.Sample.Tokens), 0.0, uint64(0)
			for _, a := range list {
				if a.LinkSentMiB != nil && (eng.GPUs == nil || slices.Contains(eng.GPUs, a.GPU)) {
					sent += *a.LinkSentMiB * (1 << 20)
					gpus++
				}
			}
			if n := eng.Declared.TensorParallel; gpus < n {
				e.unable(subject, Silent, fmt.Sprintf("the telemetry has counters of NVLink of %d GPUs, and %d are declared", gpus, n), inputs...)
				return
			}
			need := 2 * *m.Layers * *m.Width * *m.ActivationBytes
			each := sent / float64(eng.Declared.TensorParallel) / tokens
			e.hold(reading{subject: subject, limit: "share", scope: e.scope(eng), value: each / need, basis: Observed, contradicts: true, inputs: inputs,
				reason: fmt.Sprintf("%.3f MB sent by each of %d GPUs for a token, %.3f MB needed", each/1e6, eng.Declared.TensorParallel, need/1e6)})
		})
	}}
