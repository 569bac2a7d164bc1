package compute

import (
	"hash/fnv"
	"math/rand/v2"

	"github.com/hallmark-attest/hallmark/stats"
)

// energies makes the energy-distance records, the second test: it also sees a
// share of answers from another model, and answers that vary too little.
func (r *run) energies(d *domainCells) []*stats.Result {
	var out []*stats.Result
	var p []float64
	var tested []*stats.Result
	var questions []int // of the tested: with answers enough
	for i, node := range r.a.Nodes {
		res := r.record(node, stats.EnergyDistance, d.set)
		r.embedded(res, d)
		out = append(out, res)
		switch {
		case d.pooled == nil:
			res.Reference = stats.Reference{Kind: stats.None} // peers are none to this method
			undecided(res, stats.NotRun, "no reference: give --reference")
			continue
		case r.isReference(node):
			undecided(res, stats.NotRun, "this node is the reference")
			continue
		}
		res.Method.Params = map[string]float64{"permutations": float64(r.Permutations), "fdr": PeersFDR}
		res.Method.Seed = &r.Seed
		e, err := EnergyDistance(d.cells[i], d.pooled, r.Permutations, r.random(node, d.set))
		if err != nil {
			put(res, "energy", 0, err)
			undecided(res, stats.NotEvaluable, "%s", err)
		} else {
			put(res, "energy", e.Value, nil).N = e.Questions
			p, tested, questions = append(p, e.P), append(tested, res), append(questions, d.enough(i, MinRepeats))
		}
		r.scatter(res, d, i)
	}
	q := Adjust(p)
	for i, res := range tested {
		res.PValue, res.QValue, res.PKind = &p[i], &q[i], stats.Permutation
		lowest := 1 / float64(r.Permutations+1)
		switch {
		case q[i] <= PeersFDR:
			res.Decision = stats.Outlier
		case p[i] <= lowest && lowest*float64(len(p)) > PeersFDR:
			undecided(res, stats.Inconclusive, "no permutation reached it, and %d are too few for %d nodes: repeat with --permutations %.0f", r.Permutations, len(p), float64(len(p))/PeersFDR)
		case d.referenced() < MinQuestions:
			d.thin(res)
		case questions[i] < MinQuestions: // a small p is as rare with few answers, a large one says nothing
			tooFew(res, questions[i], MinRepeats)
		default:
			res.Decision = stats.Inlier
		}
		if d.set == stats.Knowledge {
			knowledge(res)
		}
	}
	return out
}

func (r *run) scatter(res *stats.Result, d *domainCells, i int) {
	ratio, questions, err := 0.0, 0, d.err
	if err == nil {
		ratio, questions, err = d.center.ScatterRatio(d.moments[i])
	}
	s := put(res, "scatter_ratio", ratio, err)
	s.N, s.Note = questions, "below 0.5: canned or cached answers, or a lower temperature; above 2: a mixture of models, or routing"
}

// random is the node's own stream, so that neither the order of nodes nor their number changes its permutations.
func (r *run) random(node string, set stats.Set) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(string(set) + "\x00" + node))
	return rand.New(rand.NewPCG(r.Seed, h.Sum64()))
}
