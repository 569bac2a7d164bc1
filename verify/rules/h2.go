package rules

import "github.com/hallmark-attest/hallmark/verify/stretch"

// H2: telemetry that looks replayed or invented (package stretch).
//
//	violated: energy increments of 20 s or more that repeat exactly under load (unit runs), or a card less than 5 degrees over rest
//	after five minutes above 60 % of its limit (unit degrees)
var h2 = Rule{ID: "H2", Group: Heat, Kind: Heuristic,
	Reads:    []string{"telemetry energy_mj", "telemetry average_power_mw", "telemetry gpu_c"},
	Sentence: "Telemetry that looks replayed or invented: energy increments that repeat exactly under load, or a card that stays cool under load.",
	Honest:   "Liquid cooling: compare a node with itself.",
	eval: func(e *eval) {
		e.checks(map[string]string{stretch.Repeats: "repeats", stretch.Warmth: "warmth"})
	}}
