package verify

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// History is what a validator kept of one node. Package verify/history reads and
// writes it; here it is data, so that an auditor can judge with any part of it.
type History struct {
	Verdicts []attest.Verdict // verified under the validator's key
	// Logs are beginnings of the node's logs by name, as far as they were read before. They need
	// no signature: with what the record adds they replay to the quoted registers, or they are worth nothing.
	Logs map[string][]byte
	// Others are other nodes whose verdicts name GPUs of this record; GPUsSince is when this node was first seen with each of them, by GPUName.
	Others    []rules.Node
	GPUsSince map[string]uint64
	// GPUsUntold says of which GPUs nobody can tell whether others have them, and why.
	GPUsUntold map[string]string
}

// around are the verdicts of the same attestation key that were surely before and surely after a record, and
// those that seem to be just before it, the nearest first. Verdicts from before the node's enrolment do not count, nor do later ones for a record
// from before it: re-activation begins anew.
func (h *History) around(a *Authenticated, ak attest.Digest) (before, after, near []attest.Verdict) {
	if h == nil || a.node != nil && a.record.Sent < a.node.Enrolled {
		return nil, nil, nil
	}
	self := attest.Digest(sha256.Sum256(a.raw))
	for _, v := range h.Verdicts {
		enrolled := a.node == nil || v.Sent >= a.node.Enrolled
		if v.UEID != a.bound.UEID || v.Clock == nil || v.Clock.AK != ak || v.Record == self || !enrolled {
			continue
		}
		switch {
		case surelyBefore(v.Received, a.record.Sent):
			before = append(before, v)
		case surelyBefore(a.record.Received, v.Sent):
			after = append(after, v)
		case v.Received < a.record.Sent:
			near = append(near, v)
		}
	}
	for _, list := range [][]attest.Verdict{before, near} {
		slices.SortStableFunc(list, func(x, y attest.Verdict) int { return cmp.Compare(y.Sent, x.Sent) })
	}
	slices.SortStableFunc(after, func(x, y attest.Verdict) int { return cmp.Compare(x.Sent, y.Sent) })
	return before, after, near
}

// surelyBefore holds for two of the validator's times (milliseconds) that are further apart than its machines' clocks.
// Of nearer ones nobody knows which quote was made first, or whether both are one.
func surelyBefore(x, y uint64) bool { return y > x && y-x > clockSkewMillis }

// later reports whether the history holds a verdict of a record that was sent after this one.
func (h *History) later(a *Authenticated) bool {
	return slices.ContainsFunc(h.Verdicts, func(v attest.Verdict) bool { return v.UEID == a.bound.UEID && v.Sent > a.record.Sent })
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
