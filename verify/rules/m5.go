package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// M5: answers that scatter less than the model's, or more.
//
//	violated: scatter_ratio (median over questions of s2/s2 of the reference) below "low", or above "high"
//
// Unit: 1. At a temperature of 0 there is no scatter to compare.
var m5 = Rule{ID: "M5", Group: Model, Kind: Heuristic,
	Reads:    []string{"stat-result scatter_ratio", "sample.sampling.temperature"},
	Sentence: "Answers to one question are more alike than the model's: canned, cached, or of a lower temperature; or less: a mixture of models.",
	Honest:   "An engine that caches whole answers, or defaults of sampling that the questions do not set. Ask with all sampling parameters set, and with prompts that differ in a nonce, before anybody is flagged.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "a scatter ratio", func(r *stats.Result) bool {
				return has("scatter_ratio")(r) && r.Sample.Set != stats.Knowledge && model(r)
			})
			if list == nil {
				return
			}
			s := list[len(list)-1]
			inputs := []Source{eng.From, s.From}
			if p := s.Sample.Sampling; p == nil || p.Temperature == nil || *p.Temperature < .2 {
				e.unable(subject, Premise, "the questions were not asked with a temperature of 0.2 or more", inputs...)
				return
			}
			v, _ := value(s.Result, "scatter_ratio")
			for _, part := range []string{"low", "high"} {
				e.hold(reading{subject: subject, limit: part, scope: e.scope(eng), value: v, basis: Observed, inputs: inputs, reason: fmt.Sprintf("scatter of the answers over the reference's, epoch %s", clipped(s.Epoch.ID))})
			}
		})
	}}
