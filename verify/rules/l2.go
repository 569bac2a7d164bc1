package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// L2: questions that look like a challenge are answered otherwise than others.
//
//	violated: |challenge_shift| (Hodges-Lehmann, over strata of hour and length of prompt, of the median)  above the limit,
//	with challenge_p below 0.001
//
// Unit: 1.
var l2 = Rule{ID: "L2", Group: Latency, Kind: Heuristic,
	Reads:    []string{"stat-result challenge_shift", "stat-result challenge_p"},
	Sentence: "Questions that look like challenges are answered at another speed than ordinary ones: something else answers those.",
	Honest:   "Load and length that go with the hour: compare within strata, 50 of each or more.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "a shift between challenges and ordinary questions (challenge_shift)", func(r *stats.Result) bool {
				return has("challenge_shift")(r) && has("challenge_p")(r)
			})
			if list == nil {
				return
			}
			s := list[len(list)-1]
			v, _ := value(s.Result, "challenge_shift")
			p, _ := value(s.Result, "challenge_p")
			if v = abs(v); p >= 1e-3 {
				v = 0 // chance makes such a shift
			}
			e.hold(reading{subject: subject, limit: "shift", scope: e.scope(eng), value: v, basis: Observed, inputs: []Source{eng.From, s.From}, reason: fmt.Sprintf("shift of the median, p = %.2g", p)})
		})
	}}
