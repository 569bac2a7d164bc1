package rules

import "github.com/hallmark-attest/hallmark/verify/stretch"

// E2: the energy counter against limit, samples and itself (package stretch).
//
//	violated: energy over 30 s or more above 1.05 times what the highest enforced limit allows (unit %), more than 10 % from the
//	sampled power, or a counter that falls without a driver loaded anew (falls)
//
// A falling counter is not called a contradiction: boards whose counter begins anew with a reset of the GPU have not been seen, and not been ruled out.
var e2 = Rule{ID: "E2", Group: Work, Kind: Bound,
	Reads:    []string{"telemetry energy_mj", "telemetry average_power_mw", "telemetry enforced_limit_mw"},
	Sentence: "Over 30 s or more, a GPU's energy counter grows by at most 1.05 times what its highest enforced limit allows, and as its sampled power within 10 %; it falls only with its driver.",
	Honest:   "Bursts between samples; resets of a GPU that nobody recorded.",
	eval: func(e *eval) {
		e.checks(map[string]string{stretch.OverLimit: "over_limit", stretch.Apart: "apart", stretch.Rises: "falls"})
	}}
