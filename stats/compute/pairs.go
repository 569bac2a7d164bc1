package compute

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// pairwise is G. Questions that one of a pair did not answer twice count for other pairs alone.
func pairwise(nodes [][]Moments, c *Center) [][]float64 {
	n := len(nodes)
	sum, used := make([][]float64, n), make([][]float64, n)
	for i := range n {
		sum[i], used[i] = make([]float64, n), make([]float64, n)
	}
	for q := range c.Mean {
		if c.Mean[q] == nil {
			continue
		}
		x := mat.NewDense(n, len(c.Mean[q]), nil) // relative to the centre, which keeps digits
		for i, m := range nodes {
			if m[q].N >= 2 {
				row := x.RawRowView(i)
				for d, v := range m[q].Mean {
					row[d] = v - c.Mean[q][d]
				}
			}
		}
		var dot mat.SymDense
		dot.SymOuterK(1, x)
		unit := math.Max(c.S2[q], c.floor)
		for i := range n {
			for j := range n {
				a, b := nodes[i][q], nodes[j][q]
				if i == j || a.N < 2 || b.N < 2 {
					continue
				}
				d2 := dot.At(i, i) + dot.At(j, j) - 2*dot.At(i, j)
				sum[i][j] += (d2 - a.S2/float64(a.N) - b.S2/float64(b.N)) / unit
				used[i][j]++
			}
		}
	}
	for i := range n {
		for j := range n {
			if used[i][j] > 0 {
				sum[i][j] /= used[i][j]
			}
		}
	}
	return sum
}

func nearer(g [][]float64, to, than int) []bool {
	side := make([]bool, len(g))
	for i := range g {
		side[i] = i == to || i != than && g[i][to] < g[i][than]
	}
	return side
}

// medoid is the member of a side with the least sum of distances to it, -1 for an empty side.
func medoid(g [][]float64, side []bool, of bool) int {
	if !slices.Contains(side, of) {
		return -1
	}
	return least(len(g), func(i int) float64 {
		if side[i] != of {
			return math.Inf(1)
		}
		var s float64
		for j, x := range g[i] {
			if side[j] == of {
				s += x
			}
		}
		return s
	})
}

func least(n int, f func(int) float64) int {
	best, at := math.Inf(1), 0
	for i := range n {
		if v := f(i); v < best {
			best, at = v, i
		}
	}
	return at
}
