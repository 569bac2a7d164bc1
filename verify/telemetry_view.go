package verify

import (
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// Telemetry is what a window showed: facts, not findings.
type Telemetry struct {
	Genesis   string         `json:"genesis"` // of the quoted chain
	Records   int            `json:"records"`
	First     uint64         `json:"first_index"` // in the chain of that record, which may be an earlier one
	Last      uint64         `json:"last_index"`
	FirstAt   uint64         `json:"first_at_ms"`
	LastAt    uint64         `json:"last_at_ms"`
	Seconds   float64        `json:"covered_seconds"` // without the gaps
	Chains    int            `json:"chains"`
	Gaps      []stretch.Gap  `json:"gaps"`
	Facts     []stretch.Fact `json:"facts"`
	Left      int            `json:"left_out"` // gaps and facts beyond those listed
	Bracketed bool           `json:"bracketed"`
	Hole      string         `json:"not_bracketed_because,omitempty"`
}

// maxListed bounds lists that a node can make long.
const maxListed = 256

func (c *chainState) view() *Telemetry {
	s := c.shown
	if s == nil {
		return nil
	}
	gaps := s.Gaps()
	facts, all := s.Facts()
	t := &Telemetry{Genesis: s.Head.Genesis.String(), Records: len(s.Entries), Gaps: gaps.List[:min(len(gaps.List), maxListed)], Facts: facts[:min(len(facts), maxListed)], Bracketed: c.bracketed()}
	if c.bracket != nil {
		t.Hole = clip(c.bracket.hole)
	}
	chains := map[attest.Digest]bool{}
	for i := range s.Entries {
		chains[s.Entries[i].Head.Genesis] = true
	}
	t.Chains = len(chains)
	if n := len(s.Entries); n > 0 {
		first, last := &s.Entries[0], &s.Entries[n-1]
		t.First, t.FirstAt, t.Last, t.LastAt = first.Head.Index, first.Record.At, last.Head.Index, last.Record.At
		t.Seconds = float64(s.Covered()) / 1000
	}
	t.Left = gaps.All - len(t.Gaps) + all - len(t.Facts)
	for i := range t.Gaps {
		cleanFacts(t.Gaps[i].Explanation)
	}
	cleanFacts(t.Facts)
	return t
}

func cleanFacts(list []stretch.Fact) {
	for i := range list {
		list[i].Name, list[i].Text = attest.Clean(list[i].Name), attest.Clean(list[i].Text)
	}
}
