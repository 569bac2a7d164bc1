package policy

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Status holds a TCB status against the policy at a time, which is that of the appraisal. Empty: accepted.
func (p *Policy) Status(t *collateral.TCB, at time.Time) []Reason {
	if err := p.Check(); err != nil {
		return []Reason{incomplete(err)}
	}
	var out []Reason
	want := &p.TCB
	if !slices.Contains(want.Accept, t.Status) && !want.inGrace(t, at) {
		out = append(out, Reason{"tdx.policy.status", "TCB status", fmt.Sprint(want.Accept), seen(t)})
	}
	if !want.AnyAdvisory {
		for _, a := range t.Advisories {
			if !slices.Contains(want.Advisories, a) {
				out = append(out, Reason{"tdx.policy.advisory", "advisory", fmt.Sprint(want.Advisories), a})
			}
		}
	}
	if t.EvaluationNumber < want.MinEvaluation {
		out = append(out, Reason{"tdx.policy.evaluation", "TCB evaluation number", fmt.Sprintf("at least %d", want.MinEvaluation), fmt.Sprint(t.EvaluationNumber)})
	}
	for _, w := range t.Stale {
		if !w.Expired(at) || at.Sub(w.To) > want.AcceptStale {
			out = append(out, Reason{"tdx.policy.stale", w.What, "valid at " + stamp(at), stamp(w.From) + " to " + stamp(w.To)})
		}
	}
	return out
}

// inGrace: what is out of date was mended at the tcbDate of the level; hosts need some time to follow.
func (want *TCB) inGrace(t *collateral.TCB, at time.Time) bool {
	return (t.Status == collateral.OutOfDate || t.Status == collateral.OutOfDateConfigurationNeeded) &&
		want.Grace > 0 && !t.MinDate.IsZero() && at.Sub(t.MinDate) <= want.Grace
}

func seen(t *collateral.TCB) string {
	s := string(t.Status)
	if t.Why != "" {
		s += ": " + t.Why
	}
	for _, l := range t.Lacking {
		s += fmt.Sprintf("; %s is %d, wanted %d", l.What, l.Have, l.Want)
	}
	return s
}

// Platform holds the machine against the register of known ones. Empty: accepted.
func (p *Policy) Platform(m *quote.Platform) []Reason {
	if err := p.Check(); err != nil {
		return []Reason{incomplete(err)}
	}
	if _, known := p.Platforms.Known[m.PPIDHash]; known || p.Platforms.Ignore {
		return nil
	}
	return []Reason{{"tdx.policy.platform", "known platform", fmt.Sprintf("one of %d", len(p.Platforms.Known)), hex.EncodeToString(m.PPIDHash[:])}}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
