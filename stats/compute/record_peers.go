package compute

import (
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/hallmark-attest/hallmark/stats"
)

// decidePeers decides by what the other nodes answered. Too few answers come first: such a node is in neither camp.
func (r *run) decidePeers(res *stats.Result, p *Peers, i, questions int) {
	if p.Err != nil {
		undecided(res, stats.NotEvaluable, "%s", p.Err)
		return
	}
	put(res, "apart_share", p.Apart, nil).N = p.Nodes
	res.Method.Params["fdr"] = PeersFDR
	if questions < MinQuestions {
		tooFew(res, questions, MinRepeatsPeers)
		return
	}
	res.PValue, res.QValue, res.PKind = &p.P[i], &p.Q[i], stats.EmpiricalNull
	switch {
	case p.Apart >= AlarmShare: // a majority may be the cheaters
		side := "the others"
		if p.Minor[i] {
			side = "those apart"
		}
		undecided(res, stats.Inconclusive, "%.0f %% of the nodes stand apart from the others: no majority decides who is right; this node is of %s. Give --reference", 100*p.Apart, side)
	case p.Q[i] <= PeersFDR:
		res.Decision, res.Flags = stats.Outlier, []stats.Flag{stats.FlagOutlier}
	default:
		res.Decision = stats.Inlier
	}
}

// total is the sum of all nodes' mean points, by question.
func total(nodes [][]Moments) [][]float64 {
	sum := make([][]float64, len(nodes[0]))
	for _, n := range nodes {
		for q, m := range n {
			if m.N < 2 {
				continue
			}
			if sum[q] == nil {
				sum[q] = make([]float64, len(m.Mean))
			}
			floats.Add(sum[q], m.Mean)
		}
	}
	return sum
}

// others is the mean of all nodes' mean points but one's, with the scatter that
// their mean has. The points are taken from sum, their total: adding those of 4,096
// nodes anew for each of them takes most of a minute.
func others(nodes [][]Moments, sum [][]float64, without int) []Moments {
	out := make([]Moments, len(nodes[without]))
	count := make([]float64, len(out))
	for i, n := range nodes {
		for q := range out {
			if i != without && n[q].N >= 2 {
				out[q].S2 += n[q].S2
				out[q].N += n[q].N
				count[q]++
			}
		}
	}
	for q, k := range count {
		if k == 0 {
			continue
		}
		out[q].Mean = slices.Clone(sum[q])
		if own := nodes[without][q]; own.N >= 2 {
			floats.Sub(out[q].Mean, own.Mean)
		}
		floats.Scale(1/k, out[q].Mean)
		out[q].S2 /= k
	}
	return out
}
