package rules

import (
	"fmt"
)

// L1: times between tokens of two sorts, with no draft model declared.
//
//	violated: itl_low_share (times below a quarter of the median, of all)  above the limit
//
// Unit: 1. Not judged where speculation is declared.
var l1 = Rule{ID: "L1", Group: Latency, Kind: Hint,
	Reads:    []string{"stat-result itl_low_share", "engines[].declared.speculation"},
	Sentence: "Tokens come in bursts though no draft model is declared: speculation, or a relay.",
	Honest:   "Events that a gateway joins, other requests' prompts computed in between, tokens sent several at once.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			list := e.results(eng, "times between tokens (itl_low_share)", has("itl_low_share"))
			if list == nil {
				return
			}
			s := list[len(list)-1]
			inputs := []Source{eng.From, s.From}
			switch g := eng.Declared.Speculation; {
			case g == nil:
				e.unable(subject, Silent, "the node does not state whether it speculates (engines[].declared.speculation)", inputs...)
				return
			case *g > 0:
				e.unable(subject, NotApplicable, fmt.Sprintf("%d draft tokens a step are declared", *g), inputs...)
				return
			}
			v, _ := value(s.Result, "itl_low_share")
			e.hold(reading{subject: subject, limit: "low_share", scope: e.scope(eng), value: v, basis: Observed, inputs: inputs, reason: "times between tokens below a quarter of the median, epoch " + clipped(s.Epoch.ID)})
		})
	}}
