package rules

import "slices"

// Next is the challenge that would tell most.
type Next struct {
	Rule   string `json:"rule"`
	Ask    string `json:"ask"` // in words, with the command's options
	Reason string `json:"reason"`
}

// asks says how the input of a rule is had.
var asks = map[string]string{
	"M1": "ask the questions again in the next epoch, against a replay or an anchor of 100 answers (hallmark stats compute --reference)",
	"M2": "count the reference's model with hallmark reference create, and compare the census",
	"M3": "have engines[].declared.precision stated",
	"M4": "challenge with --kinds gpu,engine while the model is loaded",
	"M5": "ask each question several times with a temperature of 0.7 and a nonce in front",
	"R1": "ask for answers of 64 tokens or more to new prompts, then challenge again; have declared.alone and declared.speculation stated",
	"R2": "time single streams (hallmark stats compute)",
	"R3": "ask for one token on new prompts of 1024 tokens or more, then challenge again",
	"R4": "no evidence of this version answers it",
	"E1": "challenge with --window, ask many questions at once, then challenge --since and verify --with the first answer",
	"E2": "challenge with --window 5m",
	"U1": "challenge with --window 5m under load",
	"U2": "challenge with --window, ask for long answers one after the other, then challenge --since and verify --with the first answer",
	"N1": "no evidence of this version answers it",
	"N2": "challenge with --kinds gpu",
	"N3": "no evidence of this version answers it",
	"L1": "time every token of single streams",
	"L2": "hide challenges among ordinary questions, 50 of each or more",
	"H1": "challenge with --window 15m under load",
	"H2": "challenge with --window 15m under load",
	"I1": "verify with --history of all nodes",
	"I2": "challenge with --kinds gpu",
	"C1": "challenge again later, and verify with --history",
	"C2": "challenge with --window, then challenge --since and verify --with the first answer",
	"C3": "no evidence of this version answers it",
	"V1": "no evidence of this version answers it",
}

// Best picks the rule about which the first hypothesis and the next one differ, that has not spoken yet and can be made to: first those
// that are the mark of one of the two. Where nothing would tell these two apart, one that scores about as much is taken in the second's place. Nil where nothing is left to ask.
func Best(out []Outcome, order []Hypothesis) *Next {
	for i := 1; i < len(order) && order[i].Score >= order[1].Score-1; i++ {
		if n := between(out, &order[0], &order[i]); n != nil {
			return n
		}
	}
	return nil
}

func between(out []Outcome, one, two *Hypothesis) (found *Next) {
	rank := 0
	for i := range out {
		o := &out[i]
		if o.Outcome == Pass || o.Outcome == Violated || o.Cause == NotApplicable || o.Cause == NotBuilt || o.Cause == NoLimit || spoke(out, o.ID) {
			continue
		}
		a, b := one.strength(o.ID), two.strength(o.ID)
		if a == b || max(a, b) <= rank {
			continue
		}
		rank = max(a, b)
		found = &Next{Rule: o.ID, Ask: asks[o.ID], Reason: "it would tell " + one.Name + " from " + two.Name + ": " + o.Reason}
	}
	return found
}

// spoke reports whether a rule passed or was violated for any subject.
func spoke(out []Outcome, id string) bool {
	return slices.ContainsFunc(out, func(o Outcome) bool { return o.ID == id && (o.Outcome == Pass || o.Outcome == Violated) })
}

// strength is 2 where a rule is the mark of a hypothesis, 1 where it would explain a violation.
func (h *Hypothesis) strength(rule string) (n int) {
	for _, s := range h.explains {
		if s.rule == rule {
			n = max(n, 1)
			if s.core {
				n = 2
			}
		}
	}
	return n
}
