package verify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// input gathers what the rules read. Nothing is judged here.
func (ap *Appraised) input(refs *References) *rules.Input {
	in := &rules.Input{Sent: ap.auth.record.Sent, Received: ap.auth.record.Received}
	in.GPUs, in.GPUsWhy = ap.gpuInput()
	in.Engines, in.EnginesWhy = ap.engineInput(refs)
	in.Telemetry, in.TelemetryWhy = ap.telemetryInput()
	in.Chained = ap.chain.quotedChain != nil
	in.Clock, in.ClockWhy = ap.clockInput()
	in.Confidential = ap.confidentialInput()
	in.Stats = ap.statsInput()
	in.NodesWhy = "no --history"
	if h := ap.auth.options.History; h != nil {
		in.Nodes, in.NodesWhy = h.Others, ""
		for i := range in.GPUs {
			in.GPUs[i].FirstStated, in.GPUs[i].Untold = h.GPUsSince[in.GPUs[i].Identity], h.GPUsUntold[in.GPUs[i].Identity]
		}
		if in.Nodes == nil {
			in.Nodes = []rules.Node{}
		}
	}
	return in
}

// source names a kind's claims, with what they are worth.
func (ap *Appraised) source(k attest.Kind) rules.Source {
	s := rules.Source{Name: "claims " + string(k), By: Asserted}
	if body, ok := ap.auth.bound.Submods[k]; ok {
		s.Digest = digestText(body)
	}
	if c, ok := ap.claims[k]; ok {
		s.By = c.Assurance
	}
	return s
}

func digestText(b []byte) string {
	d := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(d[:])
}

// why is the stated reason for the absence of a kind.
func (ap *Appraised) why(k attest.Kind) string {
	for _, a := range ap.auth.bound.Absent {
		if a.What == string(k) {
			return string(a.Reason) + ": " + a.Detail
		}
	}
	return "no claims of kind " + string(k)
}

// statsInput are the results about this node, from the oldest epoch to the newest.
func (ap *Appraised) statsInput() (out []rules.Stat) {
	names := []string{ap.auth.bound.UEID.String()}
	if n := ap.auth.options.StatsNode; n != "" {
		names = append(names, n)
	}
	for _, s := range ap.auth.options.Stats {
		if !slices.Contains(names, s.Subject.NodeID) {
			continue
		}
		out = append(out, rules.Stat{Result: s.Result, Own: s.Signer == nil || s.Checked,
			From: rules.Source{Name: fmt.Sprintf("stat-result %s of %.60q", s.Method.Name, s.Epoch.ID), Digest: s.Digest, By: Validator}})
	}
	slices.SortStableFunc(out, func(a, b rules.Stat) int {
		return cmp.Or(cmp.Compare(a.Epoch.EndMS, b.Epoch.EndMS), cmp.Compare(a.Epoch.StartMS, b.Epoch.StartMS))
	})
	return out
}

// clockInput is what clock found.
func (ap *Appraised) clockInput() (*rules.Clock, string) {
	if ap.auth.quote == nil {
		return nil, "no TPM quote"
	}
	if ap.clockStep == "" {
		if ap.auth.options.History != nil {
			return nil, "the history has no quote of this key that is more than " + clockSkew.String() + " away: challenge again later, and verify with --history and --key"
		}
		return nil, "no earlier quote of this key to compare with: verify with --history"
	}
	return &rules.Clock{From: rules.Source{Name: "TPM quote", By: ap.auth.rootAssurance()}, Step: ap.clockStep, Seen: ap.clockSeen}, ""
}
