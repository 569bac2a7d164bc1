package rules

import "fmt"

// C2: telemetry covers the challenge (package stretch).
//
//	violated: less than the limit of the time from 5 s before the first of two challenges to 5 s after its answer is covered, or more
//	than the allowed pause is missing in one piece (then the value is 0)
//
// Unit: %. A gap is an absence: it takes the tier that asks for telemetry, and accuses nobody.
var c2 = Rule{ID: "C2", Group: Identity, Kind: Bound, Capacity: true,
	Reads:    []string{"telemetry of two answers"},
	Sentence: "Telemetry covers the first of two challenges, with five seconds on either side: a node that measures only while it is asked, or only while it is not, shows a gap there. It needs --window with the first answer.",
	Honest:   "An agent that was restarted just then: ask again.",
	eval: func(e *eval) {
		t := e.in.Telemetry
		if t == nil {
			e.untold()
			return
		}
		c := t.Coverage
		if c == nil {
			e.unable("", Lacking, orNot(t.Why), t.From)
			return
		}
		v, reason := c.Percent, fmt.Sprintf("%.1f %% covered, %.1f s missing in one piece", c.Percent, float64(c.LargestMS)/1000)
		if c.LargestMS > c.AllowedMS {
			v = 0
		}
		e.hold(reading{subject: c.Of, limit: "covered", value: v, basis: Self, inputs: []Source{t.From}, reason: reason})
	}}
