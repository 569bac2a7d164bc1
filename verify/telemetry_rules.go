package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// The rules on telemetry compute; none of them contradicts. Their limits come from
// notes and a simulated library, not from cards: they are not calibrated.

const kindHeuristic = "heuristic"

// telemetryRules lists them. Units are those of the first part of a rule.
var telemetryRules = []Rule{
	{ID: "E2", Reads: []string{"telemetry energy_mj", "average_power_mw", "enforced_limit_mw"}, Limit: "105 / 10 / 0", Unit: "% of the power limit / % apart from sampled power / falls", Kind: kindBound, Findings: []string{"telemetry.energy"},
		Sentence: "Over segments of 30 s or more, a GPU's energy counter grows by at most 1.05 times what its highest enforced limit allows, and as its sampled power within 10 %; it falls only with its driver."},
	{ID: "C2", Reads: []string{"telemetry of two answers"}, Limit: "95", Unit: "% of the time from 5 s before the first challenge to 5 s after its answer, none over 10 s missing", Kind: kindBound, Calibrated: true, Findings: []string{},
		Sentence: "Telemetry covers the first of two challenges, with five seconds on either side: a node that measures only while it is asked, or only while it is not, shows a gap there. It needs --window with the first answer."},
	{ID: "H1", Reads: []string{"telemetry thermal_ns", "sw_thermal_ns", "hw_thermal_ns", "hw_power_brake_ns", "sm_mhz"}, Limit: "10", Unit: "% of the time throttled by heat or power brake, over 10 min or more", Kind: kindHeuristic, Findings: []string{},
		Sentence: "How long heat or power brake held the clocks down: what a node can do over time, and no fault."},
	{ID: "H2", Reads: []string{"telemetry energy_mj", "average_power_mw", "gpu_c", "gpu_percent"}, Limit: "0 / 5 / 25", Unit: "repeated runs / degrees over rest at least / % of the power limit at least", Kind: kindHeuristic, Findings: []string{},
		Sentence: "Telemetry that looks replayed or invented: runs of 20 s whose energy increments repeat exactly under load; a card that stays cool after five minutes above 60 % of its limit; full utilisation at the power of an idle card."},
}

// telemetry runs the rules on the window that was shown.
func (c *CrossChecked) telemetryRules() (out []RuleOutcome) {
	s := c.chain.shown
	if s == nil {
		for _, r := range telemetryRules {
			o := ruleMissing
			if c.chain.quotedChain != nil {
				o = ruleNotEvaluable
			}
			out = append(out, RuleOutcome{ID: r.ID, Outcome: o, Reason: "no telemetry window", Unit: r.Unit, Kind: r.Kind, Calibrated: r.Calibrated, Assurance: Asserted})
		}
		return out
	}
	for _, k := range s.Checks() {
		r := telemetryRule(k.Rule)
		out = append(out, RuleOutcome{ID: k.Rule, Subject: clip("GPU " + k.GPU + ": " + k.What), Outcome: k.Outcome, Reason: clip(k.Reason), Value: k.Value, Limit: k.Limit, Margin: k.Margin,
			Unit: r.Unit, Kind: r.Kind, Calibrated: r.Calibrated, Assurance: Asserted})
		if k.What == stretch.Rises && k.Outcome == stretch.Violated {
			c.findings.warn("telemetry.energy", "energy counter of GPU "+k.GPU, Asserted, "rises", k.Value+" falls without a driver that was loaded anew")
		}
	}
	return append(out, c.coverage())
}

func telemetryRule(id string) Rule {
	for _, r := range telemetryRules {
		if r.ID == id {
			return r
		}
	}
	panic("no telemetry rule " + id)
}

const aroundChallenge = 5_000 // ms

// coverage is rule C2: what lies around a challenge is only known with the next answer.
func (c *CrossChecked) coverage() RuleOutcome {
	r := telemetryRule("C2")
	o := RuleOutcome{ID: r.ID, Outcome: ruleNotEvaluable, Limit: "95.0", Unit: r.Unit, Kind: r.Kind, Calibrated: r.Calibrated, Assurance: Asserted, Reason: "no second answer in this boot brackets the first challenge"}
	b, q := c.chain.bracket, c.chain.quotedChain
	if b == nil || b.first.chain == nil || b.first.auth.record.Received > c.auth.record.Sent || b.first.chain.begin().BootID != q.begin().BootID {
		return o
	}
	if b.hole != "" && !b.gapped { // its times, or what is shown between them, are not those of this time
		o.Reason = clip("the two answers do not bracket the time between them: " + b.hole)
		return o
	}
	was, rec := b.first.chain, &b.first.auth.record
	reach := rec.Received - rec.Sent + aroundChallenge // the claims were made somewhere in between
	from, to := was.Now-min(was.Now, reach), was.Now+reach
	o.Subject = "challenge of " + stamp(rec.Sent)
	if q.Now < to {
		o.Reason = "the second answer came too soon to tell"
		return o
	}
	shown := *c.chain.shown
	if w := b.first.shown; w != nil {
		shown.Entries = joined(w.Entries, shown.Entries)
	}
	if len(shown.Entries) == 0 || shown.Entries[0].Record.Uptime > from+stretch.Pause(was.begin().Interval) {
		o.Reason = "nothing before the first challenge is shown: the rule needs --window with the first answer"
		return o
	}
	cover := shown.Cover(was.begin().BootID, from, to)
	o.Outcome, o.Value, o.Margin = rulePass, fmt.Sprintf("%.1f", cover.Percent()), fmt.Sprintf("%.1f", cover.Percent()-95)
	o.Reason = fmt.Sprintf("%.1f of %.1f s covered", float64(cover.CoveredMS)/1000, float64(cover.TotalMS)/1000)
	if cover.Percent() < 95 || cover.LargestMS > maxGap {
		o.Outcome = ruleViolated
	}
	return o
}

// joined puts the records of an earlier window before those of a later one, where they are of other numbers.
func joined(early, late []stretch.Entry) []stretch.Entry {
	if len(early) == 0 || len(late) == 0 {
		return append(early[:len(early):len(early)], late...)
	}
	if f := late[0].Head; f.Genesis == early[0].Head.Genesis && f.Index <= early[0].Head.Index {
		return late
	}
	for i := range early {
		if early[i].Head == late[0].Head {
			return append(early[:i:i], late...)
		}
	}
	return append(early[:len(early):len(early)], late...)
}
