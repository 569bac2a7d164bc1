package compute

import (
	"gonum.org/v1/gonum/floats"

	"github.com/hallmark-attest/hallmark/stats"
)

// peers is what a domain without reference says about all its nodes at once.
type peers struct {
	p, q  []float64 // by node; nothing for nodes without score
	has   []bool
	share float64 // that stands apart
	minor []bool
	err   error
}

func (r *run) peers(d *domainCells, scores []float64, failed []error) *peers {
	s := &peers{p: make([]float64, len(scores)), q: make([]float64, len(scores)), has: make([]bool, len(scores)), minor: make([]bool, len(scores))}
	if d.pooled != nil || d.err != nil {
		return s
	}
	var t []float64
	var at []int
	var scored [][]Moments
	for i := range scores {
		if failed[i] == nil {
			t, at, scored, s.has[i] = append(t, scores[i]), append(at, i), append(scored, d.moments[i]), true
		}
	}
	if len(t) < MinNodes {
		s.err = unable("%d nodes with answers and no reference: the spread of honest nodes takes %d; give --reference", len(t), MinNodes)
		return s
	}
	p, err := EmpiricalNull(t)
	if err != nil {
		s.err = err
		return s
	}
	q := Adjust(p)
	minor, share := Apart(scored, d.center, q)
	s.share = share
	for k, i := range at {
		s.p[i], s.q[i], s.minor[i] = p[k], q[k], minor[k]
	}
	return s
}

func (s *peers) decide(res *stats.Result, i, questions int) {
	if s.err != nil {
		undecided(res, stats.NotEvaluable, "%s", s.err)
		return
	}
	put(res, "apart_share", s.share, nil).N = len(s.p)
	res.PValue, res.QValue, res.PKind = &s.p[i], &s.q[i], stats.EmpiricalNull
	res.Method.Params["fdr"] = PeersFDR
	switch {
	case s.share >= AlarmShare: // a majority may be the cheaters
		side := "the others"
		if s.minor[i] {
			side = "those apart"
		}
		undecided(res, stats.Inconclusive, "%.0f %% of the nodes stand apart from the others: no majority decides who is right; this node is of %s. Give --reference", 100*s.share, side)
	case questions < MinQuestions:
		tooFew(res, questions, MinRepeatsPeers)
	case s.q[i] <= PeersFDR:
		res.Decision, res.Flags = stats.Outlier, []stats.Flag{stats.FlagOutlier}
	default:
		res.Decision = stats.Inlier
	}
}

// others is the mean of all nodes' mean points but one's, with the scatter that their mean has.
func others(nodes [][]Moments, without int) []Moments {
	out := make([]Moments, len(nodes[without]))
	for q := range out {
		k := 0.0
		for i, n := range nodes {
			if i == without || n[q].N < 2 {
				continue
			}
			if out[q].Mean == nil {
				out[q].Mean = make([]float64, len(n[q].Mean))
			}
			floats.Add(out[q].Mean, n[q].Mean)
			out[q].S2 += n[q].S2
			out[q].N += n[q].N
			k++
		}
		if k > 0 {
			floats.Scale(1/k, out[q].Mean)
			out[q].S2 /= k
		}
	}
	return out
}
