package compute

import "math"

// Paper holds the numbers of arXiv 2504.13443 for two nodes, for compatibility.
// None is a threshold: D is a distance over z dimensions and sigma a root mean
// square per dimension, so that their ratio grows with sqrt(z); the same model
// against itself scores 16 to 23 on it at n = 5, z = 768.
type Paper struct {
	DAve, DMax    float64 // mean and largest over questions of D_q = |A_q - A'_q|
	Sigma         float64 // the node's: mean over questions of sqrt((1/z) sum_j var_j), ddof 0
	SigmaMax      float64 // the larger sigma of the two
	NoiseDistance float64 // what D_ave would be for one model: mean over questions of sqrt(s2/n + s2'/n')
	Questions     int
}

// Ratio is D_ave / sigma_max, where it exists.
func (p *Paper) Ratio() (float64, error) {
	if p.SigmaMax == 0 {
		return 0, unable("sigma is 0: all answers to each question are the same, and the ratio is unbounded")
	}
	return p.DAve / p.SigmaMax, nil
}

// NewPaper compares a node with another over the questions that both answered at least twice.
func NewPaper(node, other []Moments) (*Paper, error) {
	var p Paper
	var sigmaOther float64
	for q, a := range node {
		b := other[q]
		if a.N < 2 || b.N < 2 {
			continue
		}
		p.Questions++
		d := math.Sqrt(squaredDistance(a.Mean, b.Mean))
		p.DAve += d
		p.DMax = math.Max(p.DMax, d)
		p.Sigma += sigma(a)
		sigmaOther += sigma(b)
		p.NoiseDistance += math.Sqrt(a.S2/float64(a.N) + b.S2/float64(b.N))
	}
	if p.Questions == 0 {
		return nil, unable("no question has two answers or more of both: sigma is undefined for one")
	}
	k := float64(p.Questions)
	p.DAve /= k
	p.Sigma /= k
	p.NoiseDistance /= k
	p.SigmaMax = math.Max(p.Sigma, sigmaOther/k)
	return &p, nil
}

// sigma is the paper's per-dimension RMS of a cell: z sigma^2 = s2 (n-1)/n.
func sigma(m Moments) float64 {
	return math.Sqrt(m.S2 * float64(m.N-1) / float64(m.N) / float64(len(m.Mean)))
}
