package rules

import "fmt"

// U2: tokens without work.
//
//	violated: the busiest GPU's highest utilisation, while tokens worth five seconds of reading the weights were served, below the limit
//	(one answer after the other: what is computed at once shares the reading)
//
// Unit: %. Of all stated GPUs the busiest counts: an idle one beside it is honest. Missing processes accuse nobody: containers,
// MIG and multi-process servers hide them.
var u2 = Rule{ID: "U2", Group: Work, Kind: Heuristic,
	Reads:    []string{"telemetry gpu_percent", "stat-result sample.tokens", "gpu[].pci", "engines[].models[].census", "engines[].declared.speculation", "engines[].declared.alone"},
	Sentence: "The validator received tokens while every stated GPU was idle: something else computed them.",
	Honest:   "Bursts shorter than a sample: it needs work that takes five seconds on these GPUs where answers are computed one after the other. Those computed at once share the reading and take less: ask one after the other.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			s, list, inputs, ok := e.served(eng)
			if !ok {
				return
			}
			tokens := float64(s.Sample.Tokens)
			subject := "engine " + eng.Name
			if eng.Model == nil || eng.Model.LeastBytes == nil {
				e.unable(subject, Silent, "the bytes that a token reads are not known: "+orNot(eng.ModelWhy), inputs...)
				return
			}
			if !e.readable(eng, inputs) {
				return
			}
			b, names, from, ok := e.bandwidth(eng)
			if !ok {
				return
			}
			work := tokens * *eng.Model.LeastBytes / (b * 1e9 * float64(1+*eng.Declared.Speculation))
			unseen := 0.0 // seconds that nobody recorded of some GPU: it may have worked then
			most, seen := 0.0, false
			for _, a := range list {
				unseen = max(unseen, e.in.Telemetry.SpanSeconds-a.Seconds)
				if a.MostBusy != nil {
					most, seen = max(most, *a.MostBusy), true
				}
			}
			if work < workSeconds+unseen {
				e.unable(subject, Premise, fmt.Sprintf("%.0f tokens are %.1f s of work on %s, of which %.1f s may lie where nobody recorded: ask for more", tokens, work, names, min(work, unseen)), inputs...)
				return
			}
			if !seen {
				e.unable(subject, Silent, "the telemetry has no utilisation", inputs...)
				return
			}
			e.hold(reading{subject: subject, limit: "busiest", scope: e.scope(eng), value: most, basis: Observed, inputs: distinct(append(inputs, from...)),
				reason: fmt.Sprintf("highest utilisation of the busiest GPU while %.0f tokens were served", tokens)})
		})
	}}

// workSeconds is the work from which a GPU that rested in every sample did not do it: much longer than the time between two.
const workSeconds = 5
