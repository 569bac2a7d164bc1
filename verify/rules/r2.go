package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// R2: answers much slower than the stated GPUs allow.
//
//	violated: p50 of tokens_per_second * W / B  below the limit
//
// One stream, unit 1. B: of as many stated GPUs as are declared to work together, else of all.
var r2 = Rule{ID: "R2", Group: Work, Kind: Hint,
	Reads:    []string{"stat-result latency.tokens_per_second", "gpu[].pci", "engines[].models[].census"},
	Sentence: "Answers come much slower than the stated GPUs allow: older hardware, throttling, or load.",
	Honest:   "Load, small batch slots, offloading, long contexts. It says how fast a node is, and hints at no more.",
	Capacity: true,
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "tokens a second", func(r *stats.Result) bool { return r.Latency != nil && r.Latency.TokensPerSecond != nil })
			if list == nil {
				return
			}
			s := list[len(list)-1]
			inputs := []Source{eng.From, s.From}
			switch {
			case eng.Model == nil:
				e.unable(subject, Silent, orNot(eng.ModelWhy), inputs...)
				return
			case eng.Model.ActiveBytes == nil:
				e.unable(subject, Silent, orNot(eng.Model.ActiveWhy), inputs...)
				return
			}
			b, names, from, ok := e.bandwidth(eng)
			if !ok {
				return
			}
			if n := eng.Declared.TensorParallel; n > 0 && n < uint64(len(e.in.GPUs)) {
				b *= float64(n) / float64(len(e.in.GPUs))
			}
			rate := s.Latency.TokensPerSecond.P50
			e.hold(reading{subject: subject, limit: "share", scope: e.scope(eng), value: rate * *eng.Model.ActiveBytes / (b * 1e9), basis: Other, inputs: distinct(append(inputs, from...)),
				reason: fmt.Sprintf("%.1f tokens a second of one stream; %s", rate, names)})
		})
	}}
