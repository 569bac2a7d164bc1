package compute

import (
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
