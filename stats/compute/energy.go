package compute

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
)

// Energy is a permutation test on all answers, not their means alone: it sees
// changes of shape (canned answers, a share of another model's) that the score does not.
type Energy struct {
	Value        float64 // E, sum over questions, each divided by its mean pairwise distance; no unit
	P            float64 // share of permutations with E at least as large, the data among them
	Permutations int
	Questions    int
}

// EnergyDistance compares a node's answers with a reference's. Labels are
// permuted inside each question, for questions differ more than nodes do.
//
//	E_q = (2/(n m)) sum_ab d - (1/n^2) sum_aa' d - (1/m^2) sum_bb' d,  d the Euclidean distance
//	p = (1 + #{E_b >= E}) / (B + 1)
func EnergyDistance(node, ref []Cell, permutations int, rng *rand.Rand) (*Energy, error) {
	e := &Energy{Permutations: permutations}
	sums := make([]float64, permutations+1)
	for q, a := range node {
		b := ref[q]
		if len(a) < 2 || len(b) < 2 {
			continue
		}
		d, rows, total := distances(a, b)
		if total == 0 {
			continue // one text alone: no distance, no evidence
		}
		e.Questions++
		n, scale := len(a), float64(len(rows)*len(rows))/total
		order := make([]int, len(rows))
		for i := range order {
			order[i] = i
		}
		for p := range sums {
			if p > 0 {
				for i := range n { // the first n of a random order
					j := i + rng.IntN(len(order)-i)
					order[i], order[j] = order[j], order[i]
				}
			}
			sums[p] += scale * energy(d, rows, total, order[:n])
		}
	}
	if e.Questions == 0 {
		return nil, unable("no question has two different answers, and two of both: nothing to permute")
	}
	e.Value = sums[0]
	atLeast := 1
	for _, s := range sums[1:] {
		if s >= e.Value-1e-12*math.Abs(e.Value) {
			atLeast++
		}
	}
	e.P = float64(atLeast) / float64(permutations+1)
	return e, nil
}

// energy is E_q with the answers in group on one side: only sums inside group are taken anew.
func energy(d [][]float64, rows []float64, total float64, group []int) float64 {
	var row, inside float64
	for _, i := range group {
		row += rows[i]
		for _, j := range group {
			inside += d[i][j]
		}
	}
	n, m := float64(len(group)), float64(len(rows)-len(group))
	across := row - inside
	return 2*across/(n*m) - inside/(n*n) - (total-2*across-inside)/(m*m)
}

func distances(a, b Cell) (d [][]float64, rows []float64, total float64) {
	all := append(append(Cell{}, a...), b...)
	d, rows = make([][]float64, len(all)), make([]float64, len(all))
	for i := range all {
		d[i] = make([]float64, len(all))
		for j := range i {
			d[i][j] = floats.Distance(all[i], all[j], 2)
			d[j][i] = d[i][j]
		}
	}
	for i := range d {
		rows[i] = floats.Sum(d[i])
		total += rows[i]
	}
	return d, rows, total
}

// ScatterRatio is the median over questions of s2_node / s2_reference: far below 1 for canned or
// cached answers and lower temperatures, far above for mixtures. Questions at the reference's floor are left out.
func (c *Center) ScatterRatio(node []Moments) (ratio float64, questions int, err error) {
	var r []float64
	for q, m := range node {
		if m.N >= 2 && c.Mean[q] != nil && c.S2[q] > c.floor {
			r = append(r, m.S2/c.S2[q])
		}
	}
	if len(r) == 0 {
		return 0, 0, unable("no question has two answers of the node and scatter in the reference")
	}
	return median(r), len(r), nil
}
