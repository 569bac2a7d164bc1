package compute

// Middle makes a centre of all nodes' answers, for a domain without reference:
// the geometric median of the mean points, and the median scatter, per question.
// It holds while more than half of the nodes run the same model; see Split for what tells when it may not.
func Middle(nodes [][]Moments) (*Center, error) {
	if len(nodes) == 0 {
		return nil, unable("no nodes")
	}
	k := len(nodes[0])
	c := &Center{Mean: make([][]float64, k), S2: make([]float64, k), InvN: make([]float64, k)}
	for q := range k {
		var means [][]float64
		var s2 []float64
		for _, n := range nodes {
			if n[q].N >= 2 {
				means, s2 = append(means, n[q].Mean), append(s2, n[q].S2)
			}
		}
		if len(means) == 0 {
			continue
		}
		var err error
		if c.Mean[q], err = GeometricMedian(means); err != nil {
			return nil, err
		}
		c.S2[q] = median(s2)
	}
	return c, c.setFloor("the nodes")
}
