package compute

import "math"

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
