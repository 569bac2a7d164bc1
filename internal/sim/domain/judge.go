package domain

import (
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

func (s *stage) verifier(m *member) (*verify.Verifier, error) {
	policy, err := verify.DefaultPolicy()
	if err != nil {
		return nil, err
	}
	return verify.New(verify.Endorsements{Validator: &s.key.PublicKey, Node: m.file, AcceptDemoRootsUnsafe: true}, s.validator.Refs, policy)
}

// keep judges a record for itself and adds the verdict to the history, as `hallmark verify --history --key` does.
func (s *stage) keep(m *member, record []byte) error {
	v, err := s.verifier(m)
	if err != nil {
		return err
	}
	r, err := v.Verify(record, verify.Options{At: time.Now(), Asked: verify.TierVerified})
	if err != nil {
		return err
	}
	return s.history.Append(s.key, r)
}

// verify judges a node's second record with its first, all results and the history.
func (s *stage) verify(m *member, all []verify.StatResult, cal *rules.Calibration) (*verify.Result, error) {
	v, err := s.verifier(m)
	if err != nil {
		return nil, err
	}
	o := verify.Options{At: time.Now(), Asked: verify.TierVerified, Stored: m.stored, Stats: all, StatsNode: m.Name, Calibration: cal}
	beside, err := v.Beside(m.first, o)
	if err != nil {
		return nil, err
	}
	o.With = []*verify.Beside{beside}
	ueid, sent, err := verify.Peek(m.second)
	if err != nil {
		return nil, err
	}
	if o.History, err = s.history.Load(ueid, sent, v.Key()); err != nil {
		return nil, err
	}
	if err := s.history.GPUs(o.History, ueid, verify.PeekGPUs(m.second), v.Key()); err != nil {
		return nil, err
	}
	return v.Verify(m.second, o)
}

// row says how a party fared, and whether that is how it must.
func (m *member) row(r *verify.Result, all []verify.StatResult) Row {
	row := Row{Name: m.Name, Does: m.Does, Tier: r.Tier, T: []float64{}, Flags: []string{}, Violated: []string{}, Judgement: string(r.Conclusion.Judgement), Score: r.Conclusion.Score,
		Hypothesis: r.Hypotheses[0].Name, Want: fmt.Sprintf("%s, %s first", m.Tier, m.Hypothesis)}
	if r.NextChallenge != nil {
		row.Next = r.NextChallenge.Rule
	}
	for _, s := range all {
		if s.Subject.NodeID != m.Name {
			continue
		}
		for _, f := range s.Flags {
			if !slices.Contains(row.Flags, string(f)) {
				row.Flags = append(row.Flags, string(f))
			}
		}
		if s.Method.Name == stats.EmbeddingScore {
			for _, x := range s.Stats {
				if x.Name == "t" && x.Value != nil {
					row.T = append(row.T, *x.Value)
				}
			}
		}
	}
	said := m.Expect == ""
	for _, o := range r.Rules {
		if o.Outcome == rules.Violated && o.Calibrated && !slices.Contains(row.Violated, o.ID) {
			row.Violated = append(row.Violated, o.ID)
		}
		said = said || o.ID == m.Expect && o.Outcome == m.Outcome
		row.Told = row.Told || m.Expect == "" || o.ID == m.Expect && (o.Calibrated || m.Outcome == rules.Missing)
	}
	if m.Expect != "" {
		row.Want += fmt.Sprintf(", %s %s", m.Expect, m.Outcome)
	}
	clear := r.Conclusion.Judgement == rules.Clear
	for _, id := range row.Violated {
		clear = clear && (id == m.Expect || slices.Contains(m.Allowed, id))
	}
	for _, f := range row.Flags {
		clear = clear && f == string(stats.FlagSlow) && m.Expect == "R2"
	}
	row.OK = said && row.Hypothesis == m.Hypothesis && r.Tier == m.Tier && (!m.Honest || clear)
	return row
}
