package compute

// Peers is what a domain without reference says about all its nodes at once.
//
// Nodes with fewer answers than a decision needs have no part in it: they could
// not be judged themselves, their distances are near 0 by noise alone, and any
// number of them would thin out the share that stands apart.
type Peers struct {
	Center *Center
	Nodes  int       // that make the middle, the null and the clusters
	P, Q   []float64 // by node; nothing for those not judged
	Apart  float64   // share of the judged that stands apart
	Minor  []bool    // who they are
	Err    error     // why nobody is judged
}

// NewPeers holds nodes against each other. Where too few answered enough, all of
// them make a middle, so that scores can be stated; they decide nothing then.
// The error says why there is no middle either.
func NewPeers(nodes [][]Moments) (*Peers, error) {
	s := &Peers{P: make([]float64, len(nodes)), Q: make([]float64, len(nodes)), Minor: make([]bool, len(nodes))}
	var at []int
	var judged [][]Moments
	for i, n := range nodes {
		if Enough(n, MinRepeatsPeers) >= MinQuestions {
			at, judged = append(at, i), append(judged, n)
		}
	}
	var err error
	if s.Nodes = len(judged); len(judged) < MinNodes {
		s.Err = unable("%d nodes gave %d answers to %d questions, and there is no reference: the spread of honest nodes takes %d; give --reference", len(judged), MinRepeatsPeers, MinQuestions, MinNodes)
		s.Nodes = len(nodes)
		s.Center, err = Middle(nodes)
		return s, err
	}
	if s.Center, err = Middle(judged); err != nil {
		return s, err
	}
	t := make([]float64, len(judged))
	for k, n := range judged {
		if t[k], _, err = s.Center.Score(n); err != nil {
			return s, err
		}
	}
	p, err := EmpiricalNull(t)
	if err != nil {
		s.Err = err
		return s, nil
	}
	q := Adjust(p)
	minor, share := Apart(judged, s.Center, q)
	s.Apart = share
	for k, i := range at {
		s.P[i], s.Q[i], s.Minor[i] = p[k], q[k], minor[k]
	}
	return s, nil
}

// Enough counts the questions that a node answered least times or more.
func Enough(node []Moments, least int) (n int) {
	for _, m := range node {
		if m.N >= least {
			n++
		}
	}
	return n
}
