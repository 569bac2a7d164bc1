package compute

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	AlarmShare  = 0.25 // of the domain in a second cluster: no majority may flag then
	splitFactor = 4.0  // between the clusters against within
	splitLeast  = 0.02 // of within, in units of s2: rounding makes no cluster
)

// Split looks for a second cluster of nodes and returns the smaller cluster's
// members and share, none where the nodes are one cluster.
//
// It takes unbiased squared distances, in units of the scatter,
//
//	G_ij = mean over q of (|A_iq - A_jq|^2 - s2_iq/n_iq - s2_jq/n_jq) / max(s2_q, f)
//
// then two medoids: the node with the least median distance, and the farthest
// from it. The split is real where the median of G between the clusters is 4
// times the upper quartile of |G| inside the larger, or more.
func Split(nodes [][]Moments, c *Center) (minor []bool, share float64) {
	n := len(nodes)
	minor = make([]bool, n)
	if n < 2 {
		return minor, 0
	}
	g := pairwise(nodes, c)
	first := least(n, func(i int) float64 { return median(g[i]) })
	far := least(n, func(i int) float64 { return -g[first][i] })
	side := nearer(g, far, first)
	for range 5 {
		a, b := medoid(g, side, false), medoid(g, side, true)
		if a < 0 || b < 0 {
			break
		}
		side = nearer(g, b, a)
	}
	count := 0
	for _, s := range side {
		if s {
			count++
		}
	}
	minority := 2*count <= n // of two halves, the second is called minor
	var within, between []float64
	for i := range n {
		for j := range n {
			switch inI, inJ := side[i] == minority, side[j] == minority; {
			case !inI && !inJ:
				within = append(within, math.Abs(g[i][j]))
			case inI != inJ && !inI:
				between = append(between, g[i][j])
			}
		}
	}
	if len(between) == 0 || median(between) < splitFactor*math.Max(quantile(within, .75), splitLeast) {
		return minor, 0
	}
	for i := range n {
		minor[i] = side[i] == minority
	}
	return minor, float64(min(count, n-count)) / float64(n)
}

// Apart is the share of a domain that stands apart from the rest, and who: the
// second cluster, or those that the empirical null rejects (q-values q), whichever
// is more. Two wrong models beside the honest one are no two clusters, and Split alone passes over them.
func Apart(nodes [][]Moments, c *Center, q []float64) (minor []bool, share float64) {
	minor, share = Split(nodes, c)
	rejected, count := make([]bool, len(q)), 0
	for i := range q {
		if rejected[i] = q[i] <= PeersFDR; rejected[i] {
			count++
		}
	}
	if r := float64(count) / float64(max(len(q), 1)); r > share {
		return rejected, r
	}
	return minor, share
}

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
