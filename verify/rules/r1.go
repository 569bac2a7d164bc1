package rules

import (
	"fmt"
)

// R1: answers faster than the stated GPUs can read the weights.
//
//	violated: e2e_rate * W / ((g + 1) * B)  above the limit
//
// e2e_rate: median over answers of 64 tokens or more of tokens over the time from sending to the last byte, 1/s. W: the least
// bytes that a token reads: a tenth is taken off the weights of the used experts and of all else but looked-up tables, towers and further heads, and each counts with 4 bits at most, for engines
// may pack weights anew in ways that no argument shows. g: declared draft tokens a step. B: bandwidth of all
// stated GPUs, and 600 GB/s of host memory where not all weights are seen on them. Unit: 1.
var r1 = Rule{ID: "R1", Group: Work, Kind: Bound,
	Reads:    []string{"stat-result e2e_rate", "gpu[].pci", "engines[].models[].census", "engines[].declared.speculation", "engines[].declared.alone"},
	Sentence: "The validator received whole answers faster than the stated GPUs can read the stated weights once for each step: answers were there before, or come from elsewhere.",
	Honest:   "None with what is declared: small models, weights packed anew by an argument, adapters, slices of boards, groups of hosts and undeclared speculation are not judged.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "a rate of whole answers (e2e_rate)", has("e2e_rate"))
			if list == nil {
				return
			}
			s := list[len(list)-1]
			inputs := []Source{eng.From, s.From}
			if !unique(s.Result) {
				e.unable(subject, Lacking, "the prompts were not all new: an answer may have been kept (sampling.unique_prompts)", inputs...)
				return
			}
			rate, _ := value(s.Result, "e2e_rate")
			if rate <= 0 {
				e.unable(subject, Lacking, "the rate of whole answers is not above zero: they were not timed", inputs...)
				return
			}
			if !e.observed(eng, s) || !e.readable(eng, inputs) {
				return
			}
			b, names, from, ok := e.bandwidth(eng)
			if !ok {
				return
			}
			g := float64(*eng.Declared.Speculation)
			bound := (g + 1) * b * 1e9 / *eng.Model.LeastBytes
			e.hold(reading{subject: subject, limit: "share", scope: e.scope(eng), value: rate / bound, basis: Observed, contradicts: true, inputs: distinct(append(inputs, from...)),
				reason: fmt.Sprintf("%.1f tokens a second over whole answers; %s allow %.1f (%.0f GB/s, %.2f GB of weights at least for a step of %g tokens)", rate, names, bound, b, *eng.Model.LeastBytes/1e9, g+1)})
		})
	}}

// readable says why the bytes that a token reads are not bounded.
func (e *eval) readable(eng *Engine, inputs []Source) bool {
	subject, m := "engine "+eng.Name, eng.Model
	switch {
	case m.LeastBytes == nil:
		e.unable(subject, Silent, orNot(m.ActiveWhy), inputs...)
	case *m.LeastBytes < leastBytes(len(e.in.GPUs)):
		e.unable(subject, NotApplicable, fmt.Sprintf("%.2f GB of weights may stay in the caches of the GPUs", *m.LeastBytes/1e9), inputs...)
	case eng.Repacked != "":
		e.unable(subject, Premise, "the engine packs weights anew while it loads them ("+eng.Repacked+")", inputs...)
	case eng.Declared.Speculation == nil:
		e.unable(subject, Silent, "the node does not state how many draft tokens a step may accept (engines[].declared.speculation, 0 for none)", inputs...)
	case *eng.Declared.Speculation > maxDepth:
		e.unable(subject, Premise, fmt.Sprintf("a declared depth of %d draft tokens leaves no bound", *eng.Declared.Speculation), inputs...)
	default:
		return true
	}
	return false
}
