package rules

import "github.com/hallmark-attest/hallmark/verify/stretch"

// H1: clocks held down by heat or power brake (package stretch).
//
//	violated: more than the limit of ten minutes or more under a thermal or power-brake limit
//
// Unit: % of the time. What a node can do over time, and no fault: it never weighs.
var h1 = Rule{ID: "H1", Group: Heat, Kind: Heuristic, Capacity: true,
	Reads:    []string{"telemetry thermal_ns", "telemetry sw_thermal_ns", "telemetry hw_thermal_ns", "telemetry hw_power_brake_ns", "telemetry sm_mhz"},
	Sentence: "Heat or power brake held the clocks down for much of the time: a short benchmark promises more than the node can do, and that is no fraud.",
	Honest:   "Hot rooms, power caps.",
	eval:     func(e *eval) { e.checks(map[string]string{stretch.Throttled: "throttled"}) }}
