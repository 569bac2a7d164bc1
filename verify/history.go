package verify

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// History is what a validator kept of one node. Package verify/history reads and
// writes it; here it is data, so that an auditor can judge with any part of it.
type History struct {
	Verdicts []attest.Verdict // verified under the validator's key
	// Logs are beginnings of the node's logs by name, as far as they were read before. They need
	// no signature: with what the record adds they replay to the quoted registers, or they are worth nothing.
	Logs map[string][]byte
}

// neighbours are the verdicts of the same attestation key just before and just after a record. Verdicts
// from before the node's enrolment do not count: re-activation begins anew.
func (h *History) neighbours(a *Authenticated, ak attest.Digest) (before, after *attest.Verdict) {
	if h == nil {
		return nil, nil
	}
	self := attest.Digest(sha256.Sum256(a.raw))
	var same []attest.Verdict
	for _, v := range h.Verdicts {
		enrolled := a.node == nil || v.Sent >= a.node.Enrolled
		if v.UEID == a.bound.UEID && v.Clock != nil && v.Clock.AK == ak && v.Record != self && enrolled {
			same = append(same, v)
		}
	}
	slices.SortFunc(same, func(x, y attest.Verdict) int { return cmp.Compare(x.Sent, y.Sent) })
	for i := range same {
		if same[i].Sent <= a.record.Sent {
			before = &same[i]
		} else if after == nil {
			after = &same[i]
		}
	}
	return before, after
}

// verdict is what a result leaves for the history.
func (a *Authenticated) verdict(r *Result) *attest.Verdict {
	v := &attest.Verdict{Profile: attest.Profile, UEID: a.bound.UEID, Record: sha256.Sum256(a.raw), Sent: a.record.Sent, Received: a.record.Received,
		Tier: string(r.Tier), Findings: []string{}}
	for _, f := range r.Findings {
		if f.Status == Contraindicated || f.Status == Warning {
			v.Findings = append(v.Findings, f.ID)
		}
	}
	slices.Sort(v.Findings)
	v.Findings = slices.Compact(v.Findings)
	v.Clock = a.clock()
	return v
}

// clock is the clock information of the checked quote, nil without one.
func (a *Authenticated) clock() *attest.VerdictClock {
	if a.quote == nil {
		return nil
	}
	c := a.quote.Clock
	return &attest.VerdictClock{AK: a.akName, Clock: c.ClockMillis, Resets: c.ResetCount, Restarts: c.RestartCount, Safe: c.Safe, Firmware: a.quote.FirmwareVersion}
}
