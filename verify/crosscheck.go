package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// CrossChecked is an appraisal held against itself and against statistical results.
type CrossChecked struct {
	*Appraised
	rules      []RuleOutcome
	conclusion rules.Conclusion
	hypotheses []Hypothesis
	next       *NextChallenge
}

// RuleOutcome is what one rule says of one part of the node.
type RuleOutcome = rules.Outcome

// Hypothesis is one explanation of all that was seen.
type Hypothesis = rules.Hypothesis

// NextChallenge is what to ask next to learn most.
type NextChallenge = rules.Next

// CrossCheck holds the appraised claims against each other and against
// statistical results, by the rules and limits of package rules.
func (v *Verifier) CrossCheck(ap *Appraised) *CrossChecked {
	c := &CrossChecked{Appraised: ap}
	in := ap.input(v.refs)
	ap.precision(v.refs)
	ap.energyFalls(in.Telemetry)
	cal := ap.auth.options.Calibration
	if cal == nil {
		cal = rules.DefaultCalibration()
	}
	c.rules = rules.Judge(in, cal)
	for i := range c.rules { // before anything quotes them: some of it the node wrote
		c.rules[i].Reason, c.rules[i].Subject = clip(c.rules[i].Reason), clip(c.rules[i].Subject)
	}
	c.conclusion, c.hypotheses = rules.Conclude(c.rules), rules.Explain(c.rules)
	c.next = rules.Best(c.rules, c.hypotheses)
	c.statistics(in)
	c.conclude()
	return c
}

// statistics says what was given, and what of it the node does not own up to.
func (c *CrossChecked) statistics(in *rules.Input) {
	const check = "statistics"
	if len(in.Stats) == 0 {
		seen := "none"
		if n := len(c.auth.options.Stats); n > 0 {
			seen = fmt.Sprintf("%d results, none of this node: name it as the node's ueid in the answers, or with --stats-node", n)
		}
		c.findings.unknown("crosscheck.not_evaluable", check, Validator, "statistical results", seen)
		return
	}
	if odd := in.Unclaimed(); len(odd) > 0 && len(in.Engines) > 0 {
		s := odd[0].Subject
		c.findings.warn("stats.unclaimed", check, Validator, "results of an endpoint and a model that an engine states", fmt.Sprintf("%d of %d results, endpoint %.100q, model %.100q", len(odd), len(in.Stats), s.Endpoint, s.ModelRef))
	}
}

// ownFinding are findings that say a rule's contradiction, where it is by the built-in limit.
var ownFinding = map[string]string{"M3": "engine.precision.lower", "C1": "clock.rollback"}

// conclude turns what the rules say together into findings.
func (c *CrossChecked) conclude() {
	for i := range c.rules {
		if o := &c.rules[i]; o.Contradicts && !c.findings.has(ownFinding[o.ID]) {
			c.findings.bad("rules.contradicted", "rule "+o.ID, o.Assurance, fmt.Sprintf("%s %s of %.4g", o.Unit, o.Part, *o.Limit), fmt.Sprintf("%.4g: %s", *o.Value, o.Reason))
		}
	}
	const check = "rules together"
	switch n, j := c.counts(), c.conclusion.Judgement; {
	case j == rules.Suspect, j == rules.SuspectStrong:
		c.findings.warn("rules.suspect", check, Asserted, fmt.Sprintf("a score below %v", rules.SuspectFrom), fmt.Sprintf("%.1f (%s); most of it explained by: %s", c.conclusion.Score, j, c.hypotheses[0].Name))
	case j == rules.Clear && n.pass > 0:
		c.findings.good("rules.clear", check, Asserted, fmt.Sprintf("%d pass, %d violated that weigh too little, %d not evaluable, %d missing", n.pass, n.violated, n.unable, n.missing))
	}
}

// tally are rules by the worst that each says.
type tally struct{ pass, violated, unable, missing int }

func (c *CrossChecked) counts() (n tally) {
	worst := map[string]string{}
	for _, o := range c.rules {
		switch was := worst[o.ID]; {
		case o.Outcome == rules.Violated, was == "":
			worst[o.ID] = o.Outcome
		case was != rules.Violated && o.Outcome == rules.Pass:
			worst[o.ID] = o.Outcome
		}
	}
	for _, w := range worst {
		switch w {
		case rules.Pass:
			n.pass++
		case rules.Violated:
			n.violated++
		case rules.NotEvaluable:
			n.unable++
		default:
			n.missing++
		}
	}
	return n
}
