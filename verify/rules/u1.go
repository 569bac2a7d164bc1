package rules

import "fmt"

// U1: utilisation without power.
//
//	violated: (power - rest) / (limit - rest)  below the limit, over 30 s or more of utilisation at 80 % or above
//
// Unit: 1. Utilisation says that any kernel ran in a sample period; one thread that spins makes it 100 %. Power is by the energy
// counter, rest the lowest sampled power while nothing ran, and 0 of a GPU that was busy throughout.
var u1 = Rule{ID: "U1", Group: Work, Kind: Heuristic,
	Reads:    []string{"telemetry gpu_percent", "telemetry energy_mj", "telemetry enforced_limit_mw"},
	Sentence: "A GPU that says it is busy uses the power of one that rests: a kernel that only spins, or invented utilisation.",
	Honest:   "Small models on large boards, and ranks that wait for others, spin at little power: compare with honest nodes of the same model.",
	eval: func(e *eval) {
		t := e.in.Telemetry
		if t == nil || len(t.Activity) == 0 {
			e.untold()
			return
		}
		for _, a := range t.Activity {
			subject := "GPU " + a.GPU
			if a.BusyAtPower == nil {
				e.unable(subject, NotApplicable, "no 30 s at 80 % utilisation, or neither power nor limit", t.From)
				continue
			}
			e.hold(reading{subject: subject, limit: "power_share", scope: e.gpuScope(a.GPU), value: *a.BusyAtPower, basis: Self, inputs: []Source{t.From},
				reason: fmt.Sprintf("share of the power between rest and limit over %.0f s of utilisation at 80 %% or above", a.BusySeconds)})
		}
	}}

// gpuScope is the catalogue's model of a GPU by its key in telemetry.
func (e *eval) gpuScope(key string) Scope {
	for i := range e.in.GPUs {
		if g := &e.in.GPUs[i]; g.Key == key && g.Model != nil {
			return Scope{GPU: g.Model.Model}
		}
	}
	return Scope{}
}
