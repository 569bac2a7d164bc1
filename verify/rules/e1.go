package rules

import "fmt"

// E1: less energy than the served tokens must have cost.
//
//	violated: (energy - rest * time) / tokens  below the limit
//
// Summed over all stated GPUs, over the telemetry that was shown; rest is each GPU's lowest power at less than 5 % utilisation, 0 where it never rested, tokens are those that the validator itself received in
// that time: whatever others ask only adds energy. Unit: J a token. The limit lies a quarter or more below the least that honest nodes of the same GPU and model took; without calibration
// it is 0. Where the tokens cost less than a fifth of what the GPUs use at rest, nothing can be told.
var e1 = Rule{ID: "E1", Group: Work, Kind: Heuristic,
	Reads:    []string{"telemetry energy_mj", "telemetry average_power_mw", "stat-result sample.tokens", "engines[].declared.alone"},
	Sentence: "The GPUs used less energy than the tokens that the validator received cost on such GPUs: they were computed elsewhere, or before.",
	Honest:   "Larger batches share the energy of a step: the limit must come from nodes under load. Offloaded layers.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			s, list, inputs, ok := e.served(eng)
			if !ok {
				return
			}
			tokens := float64(s.Sample.Tokens)
			subject, above, rest := "engine "+eng.Name, 0.0, 0.0
			for _, a := range list {
				if a.EnergyJ == nil || a.Seconds == 0 {
					e.unable(subject, Silent, "GPU "+a.GPU+" has no energy counter over the time", inputs...)
					return
				}
				did := *a.EnergyJ
				if a.RestW != nil { // a card that never rested is given all of its energy
					did -= *a.RestW * a.Seconds
					rest += *a.RestW * a.Seconds
				}
				above += did * max(1, e.in.Telemetry.SpanSeconds/a.Seconds) // and in the moments that nobody recorded it did as much
			}
			r := reading{subject: subject, limit: "j_per_token", scope: e.scope(eng), value: above / tokens, basis: Observed, inputs: inputs,
				reason: fmt.Sprintf("%.0f J above rest for %.0f tokens", above, tokens)}
			l := e.cal.limit("E1", r.limit, r.scope)
			switch {
			case l == nil || l.Value <= 0:
				o := Outcome{Part: r.limit, Subject: subject, Outcome: NotEvaluable, Cause: NoLimit, Unit: "J a token", Basis: Observed,
					Reason: fmt.Sprintf("%.2f J a token; no limit for %s in calibration %s", r.value, r.scope, e.cal.ID)}
				if above >= rest/5 { // else it is mostly noise, and no limit is to be fitted on it
					o.Value = &r.value
				}
				e.add(o, inputs)
				return
			case l.Value*tokens < rest/5:
				e.unable(subject, Premise, fmt.Sprintf("%.0f tokens cost too little beside the %.0f J of rest: ask more in less time", tokens, rest), inputs...)
				return
			}
			e.holdAt(r, l)
		})
	}}

// scope is the GPU model, where all are of one, and the declared model.
func (e *eval) scope(eng *Engine) Scope { return Scope{GPU: e.oneModel(), Model: eng.Declared.Model} }

func (e *eval) oneModel() (model string) {
	for i := range e.in.GPUs {
		m := e.in.GPUs[i].Model
		if m == nil || i > 0 && m.Model != model {
			return ""
		}
		model = m.Model
	}
	return model
}
