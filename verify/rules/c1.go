package rules

// C1: the clock and counters of the TPM only go up (package verify, clock.go).
//
//	violated: quotes that went back, above the limit
//
// Unit: quotes. TPM2_Clear and a firmware update begin anew, which is said and no violation.
var c1 = Rule{ID: "C1", Group: Identity, Kind: Bound,
	Reads:    []string{"tpm quote clockInfo", "history"},
	Sentence: "Between two quotes of one TPM its clock or its counters went back: a restored state, or a copy of a virtual TPM.",
	Honest:   "None: resets count up, and the clock falls back at most over a loss of power, by less than is allowed for.",
	eval: func(e *eval) {
		c := e.in.Clock
		if c == nil {
			e.missing(Lacking, orNot(e.in.ClockWhy))
			return
		}
		back := 0.0
		if c.Step == "rollback" {
			back = 1
		}
		e.hold(reading{subject: "TPM", limit: "back", value: back, basis: Self, contradicts: true, inputs: []Source{c.From}, reason: c.Seen})
	}}
