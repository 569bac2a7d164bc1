package compute

import "math"

// The settings of the score. They were measured together (docs/statistics.md): changing one voids the error rates.
const (
	ScoreCap   = 6.0  // winsorises one question: a rare answer mode on one must not flag a node
	ScoreCut   = 1.9  // against an anchor of 100 answers to each question: 1 in 1000 honest nodes is above
	floorShare = 0.25 // of the lower quartile of s2: questions answered in one way alone would divide by 0
	floorUnit  = 1e-6 // of the mean squared norm of the centre: keeps the floor above 0
)

// Center is what a node is held against, by question: a reference's moments, or
// a domain's middle with the scatter typical of its nodes.
type Center struct {
	Mean  [][]float64
	S2    []float64 // squared units of the embedding
	InvN  []float64 // 1/n of the centre; 0 for the middle of many nodes
	floor float64
}

// Anchor makes a centre of a reference's answers. Questions with fewer than two are left out.
func Anchor(ref []Moments) (*Center, error) {
	c := &Center{Mean: make([][]float64, len(ref)), S2: make([]float64, len(ref)), InvN: make([]float64, len(ref))}
	for q, m := range ref {
		if m.N < 2 {
			continue
		}
		c.Mean[q], c.S2[q], c.InvN[q] = m.Mean, m.S2, 1/float64(m.N)
	}
	return c, c.setFloor("the reference")
}

// setFloor is f = 0.25 x the 25 % quantile of s2 over questions, + 1e-6 of the mean squared norm. who answered stands in errors.
func (c *Center) setFloor(who string) error {
	var s2 []float64
	var norm, largest float64
	for q, mean := range c.Mean {
		if mean == nil {
			continue
		}
		s2 = append(s2, c.S2[q])
		largest = math.Max(largest, c.S2[q])
		norm += squaredDistance(mean, make([]float64, len(mean)))
	}
	if len(s2) == 0 {
		return unable("%s answered no question twice: the scatter is unknown", who)
	}
	norm /= float64(len(s2))
	if largest <= floorUnit*norm {
		return unable("all answers of %s to each question are the same: the scatter is 0, and no distance can be held against it", who)
	}
	c.floor = floorShare*quantile(s2, .25) + floorUnit*norm
	return nil
}

// Score is the studentised score T of a node and the number of questions behind it.
//
//	T = mean over q of min(|A_q - C_q|^2 / (max(s2_q, f) (1/n_q + 1/n_c,q)), 6)
//
// T has no unit; same model: about 1. The scatter is the centre's: a node cannot lower T by answering wildly.
func (c *Center) Score(node []Moments) (t float64, questions int, err error) {
	for q, m := range node {
		if m.N == 0 || c.Mean[q] == nil {
			continue
		}
		questions++
		d := squaredDistance(m.Mean, c.Mean[q])
		t += math.Min(d/(math.Max(c.S2[q], c.floor)*(1/float64(m.N)+c.InvN[q])), ScoreCap)
	}
	if questions == 0 {
		return 0, 0, unable("the node answered none of the questions that can be compared")
	}
	return t / float64(questions), questions, nil
}
