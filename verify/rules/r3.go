package rules

import "fmt"

// R3: the first token before the stated GPUs can have read the prompt.
//
//	violated: max(2 * P * n / F, W / B) / prefill_ms  above the limit
//
// prefill_ms: median time to the end of answers of one token. n: prefill_tokens, the fewest tokens of their prompts, which nobody has
// seen before. P and W: the parameters and bytes that a token surely takes (R1). F: the fastest arithmetic of all stated GPUs with structured sparsity, 1/s. Unit: 1.
var r3 = Rule{ID: "R3", Group: Work, Kind: Bound,
	Reads:    []string{"stat-result prefill_ms", "stat-result prefill_tokens", "gpu[].pci", "engines[].models[].census", "engines[].declared.speculation", "engines[].declared.alone"},
	Sentence: "Answers to prompts that nobody has seen begin before the stated GPUs can have computed them: they were predicted, or are computed elsewhere.",
	Honest:   "None with what is declared: prompts are new from their first token on, so that no cache holds a part of them.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "a time to the first token of new prompts (prefill_ms)", has("prefill_ms"))
			if list == nil {
				return
			}
			s := list[len(list)-1]
			inputs := []Source{eng.From, s.From}
			n, ok := value(s.Result, "prefill_tokens")
			if !ok || n < 256 || !unique(s.Result) {
				e.unable(subject, Lacking, "the prompts were not all new, or shorter than 256 tokens", inputs...)
				return
			}
			ms, _ := value(s.Result, "prefill_ms")
			if ms <= 0 {
				e.unable(subject, Lacking, "the time to the first token is not above zero: it was not timed", inputs...)
				return
			}
			if !e.observed(eng, s) || !e.readable(eng, inputs) {
				return
			}
			if eng.Model.LeastParameters == nil {
				e.unable(subject, Silent, orNot(eng.Model.ActiveWhy), inputs...)
				return
			}
			b, names, from, ok := e.bandwidth(eng)
			if !ok {
				return
			}
			f, ok := e.arithmetic(eng)
			if !ok {
				return
			}
			bound := 1000 * max(2**eng.Model.LeastParameters*n/(f*1e12), *eng.Model.LeastBytes/(b*1e9))
			e.hold(reading{subject: subject, limit: "share", scope: e.scope(eng), value: bound / ms, basis: Observed, contradicts: true, inputs: distinct(append(inputs, from...)),
				reason: fmt.Sprintf("%.1f ms for %.0f new tokens and one answered; %s need %.1f ms", ms, n, names, bound)})
		})
	}}
