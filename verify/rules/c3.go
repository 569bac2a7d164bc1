package rules

import "fmt"

// C3: the validator's own questions in the record of the serving tap.
//
//	violated: the validator's questions that the tap has not, once, with equal digests and at the validator's times, above the limit
//
// Unit: questions. No evidence of this version has a tap.
var c3 = Rule{ID: "C3", Group: Identity, Kind: Bound,
	Reads:    []string{"serving tap", "digests and times of the validator's questions"},
	Sentence: "Answers that the validator received are not those that the host's own record of serving has: they were made elsewhere.",
	Honest:   "Gateways that change white space: digests are over the lines of the stream.",
	eval: func(e *eval) {
		t := e.in.Tap
		switch {
		case t == nil:
			e.missing(NotBuilt, "no evidence of this version has a tap")
		case t.Questions == 0:
			e.unable("", Lacking, "none of the validator's questions was given", t.From)
		default:
			e.hold(reading{limit: "absent", value: float64(t.Questions - t.Found), basis: Observed, contradicts: true, inputs: []Source{t.From}, reason: fmt.Sprintf("%d of %d questions are in the tap", t.Found, t.Questions)})
		}
	}}
