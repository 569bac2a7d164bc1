package verify

import (
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// Decide holds the findings against the tiers' policies.
func (v *Verifier) Decide(c *CrossChecked) *Result {
	r := v.newResult(c.auth.options, c.findings)
	r.Node = c.auth.bound.UEID.String()
	r.Demo = c.auth.node != nil && c.auth.node.Trust == attest.TrustDemo
	r.Received = stamp(c.auth.record.Received)
	r.Claims, r.Rules, r.Conclusion, r.Hypotheses, r.NextChallenge = c.claims, c.rules, c.conclusion, c.hypotheses, c.next
	r.Tier = TierNone
	reached := true
	for _, t := range Tiers() {
		unmet := v.unmet(t, c)
		if len(unmet) > 0 {
			reached = false
		}
		if reached {
			r.Tier = t
		} else if rank(t) <= rank(r.Asked) {
			r.Unmet = append(r.Unmet, unmet...)
		}
	}
	r.Unmet = once(r.Unmet)
	r.Findings = append(r.Findings, explain(r.Unmet, r.Findings)...)
	r.Accepted = rank(r.Tier) >= rank(r.Asked)
	r.Ceiling = ceiling(r.Tier, c.auth)
	r.Verdict, r.Logs = c.auth.verdict(r), c.auth.replayed
	r.Verdict.Telemetry, r.Telemetry = c.chain.verdict(), c.chain.view()
	r.Verdict.GPUs = c.verdictGPUs()
	return r
}

// unmet lists what keeps c below tier t, by demand and by kind.
func (v *Verifier) unmet(t Tier, c *CrossChecked) []Unmet {
	var out []Unmet
	for _, d := range demands {
		if v.policy[t].Demands[d.name] == Required && !v.met(t, d, c) {
			out = append(out, Unmet{t, string(d.name), d.why(c.findings)})
		}
	}
	for _, k := range slices.Concat(attest.Built(), attest.Reserved()) {
		if _, stated := c.auth.bound.Submods[k]; v.policy[t].Kinds[k] == Required && !stated {
			out = append(out, Unmet{t, "kind " + string(k), "kind.absent"})
		}
	}
	return out
}

// met answers for one demand. Without a node record an operator may still ask
// for community, knowingly: the finding node.not_given says what is missing.
func (v *Verifier) met(t Tier, d demandEntry, c *CrossChecked) bool {
	if d.name == DemandEnrolledKey && t == TierCommunity && c.auth.node == nil {
		return true
	}
	return d.met(c)
}

// once keeps the lowest tier's mention of each unmet demand.
func once(in []Unmet) []Unmet {
	seen := map[string]bool{}
	out := []Unmet{}
	for _, u := range in {
		if !seen[u.Demand] {
			seen[u.Demand] = true
			out = append(out, u)
		}
	}
	return out
}

// explain adds the findings of unmet demands that nothing has said yet.
func explain(unmet []Unmet, said findings) findings {
	var out findings
	for _, u := range unmet {
		mentioned := func(f Finding) bool { return f.ID == u.Finding }
		if slices.ContainsFunc(said, mentioned) || slices.ContainsFunc(out, mentioned) {
			continue
		}
		e, _ := EntryOf(u.Finding)
		out.add(u.Finding, "demand "+u.Demand, softened(e.Worst), Asserted, string(u.Tier)+" requires "+u.Demand, "not met")
	}
	return out
}

// softened keeps a missing demand from reading like an accusation.
func softened(worst Status) Status {
	if worst == None {
		return None
	}
	return Warning
}

// refuse is the result of a record that was judged and refused before its claims were read.
func (v *Verifier) refuse(op *Opened) *Result {
	r := v.newResult(op.options, op.findings)
	r.Tier, r.Ceiling = TierNone, ceilings[TierNone]
	if op.record.Received != 0 {
		r.Received = stamp(op.record.Received)
	}
	if op.challenge.Audience != (attest.UEID{}) {
		r.Node = op.challenge.Audience.String()
	}
	return r
}

func (v *Verifier) newResult(o Options, fs findings) *Result {
	return &Result{Asked: o.Asked, Validator: fingerprint(v.key), Findings: fs, Unmet: []Unmet{},
		Rules: []RuleOutcome{}, Conclusion: rules.Conclude(nil), Hypotheses: []Hypothesis{}, Claims: map[attest.Kind]ClaimWithStanding{}}
}

func rank(t Tier) int { return slices.Index(Tiers(), t) + 1 }

// ceilings say what an owner could still fake at a tier, and at what cost.
var ceilings = map[Tier]string{
	TierNone:               "Nothing is shown.",
	TierCommunity:          "One key answered this challenge. Everything about host, GPUs, engine and weights is the owner's word: whoever holds root can state anything, at no cost.",
	TierVerified:           "One enrolled hardware root answered. The owner's software above the quoted registers can still state anything about GPUs, engine and weights; a TPM on a side board with a replayed log costs little.",
	TierEnterprise:         "As verified, with telemetry and the tap over the window. What is listed as asserted can be invented by a patched kernel.",
	TierEnterpriseMeasured: "What runs is measured. A second machine of the same owner that lends its GPU, a hypervisor that hides, cards on the bus, and physical attacks on a discrete TPM are not seen.",
	TierConfidential:       "A genuine TD and genuine GPUs answered. Memory-bus attacks, and GPUs lent by another machine until TDISP, are not seen.",
}

func ceiling(t Tier, a *Authenticated) string {
	s := ceilings[t]
	if a.tpmClass() == classVirtual {
		s += " The TPM is virtual: whoever runs it can copy its keys and reset its registers."
	}
	if a.td != nil && a.quote != nil {
		s += " That the TD and the TPM are in one machine is not shown: each names the other, and one owner may have both."
	}
	if a.td != nil {
		s += " A TD sees neither attacks on the memory bus, by which an owner can take the keys that quote, nor, until TDISP, whose GPUs are behind it."
	}
	return s
}
