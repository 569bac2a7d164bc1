package compute

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// maxShift bounds the sample of each side of a shift: above, evenly spaced order statistics stand for all.
const maxShift = 200

// Shift is by how much a node's values lie above those compared with: a reference's, or the other nodes'.
type Shift struct {
	Value   float64    // Hodges-Lehmann: the median of all x_i - y_j, in the values' unit
	CI95    [2]float64 // by the normal approximation of the rank sum; wider than need be where samples were thinned
	Share   float64    // Value over the median compared with
	PHigher float64    // one-sided: chance of ranks as high if both were the same
	N, M    int
}

// NewShift compares two samples without assuming a distribution: one slow answer in twenty moves no median.
//
//	U = #{x > y} + #{x = y}/2;  var U = n m/12 (N+1 - sum (t^3-t)/(N (N-1))),  t the sizes of ties
func NewShift(x, y []float64) (*Shift, error) {
	if len(x) < 2 || len(y) < 2 {
		return nil, unable("%d and %d values: a shift needs two of each", len(x), len(y))
	}
	s := &Shift{N: len(x), M: len(y)}
	x, y = thinned(x), thinned(y)
	diffs := make([]float64, 0, len(x)*len(y))
	for _, a := range x {
		for _, b := range y {
			diffs = append(diffs, a-b)
		}
	}
	slices.Sort(diffs)
	s.Value = sortedQuantile(diffs, .5)
	n, m := float64(len(x)), float64(len(y))
	k := int(math.Floor(n*m/2 - 1.96*math.Sqrt(n*m*(n+m+1)/12)))
	k = max(k, 0)
	s.CI95 = [2]float64{diffs[k], diffs[len(diffs)-1-k]}
	s.PHigher = rankSum(x, y)
	mid := sortedQuantile(y, .5)
	if mid <= 0 {
		return nil, unable("the median to compare with is %v: a shift has no share of it", mid)
	}
	s.Share = s.Value / mid
	return s, nil
}

// thinned sorts a sample and keeps maxShift values of it at most.
func thinned(v []float64) []float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) <= maxShift {
		return s
	}
	out := make([]float64, maxShift)
	for i := range out {
		out[i] = sortedQuantile(s, float64(i)/(maxShift-1))
	}
	return out
}

// rankSum is the Mann-Whitney test of two sorted samples, normal approximation with ties and continuity.
func rankSum(x, y []float64) (higher float64) {
	n, m := float64(len(x)), float64(len(y))
	var u, ties float64
	for _, a := range x {
		below, _ := slices.BinarySearch(y, a)
		equal := 0
		for below+equal < len(y) && y[below+equal] == a {
			equal++
		}
		u += float64(below) + float64(equal)/2
	}
	all := slices.Sorted(slices.Values(slices.Concat(x, y)))
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	total := n + m
	sd := math.Sqrt(n * m / 12 * (total + 1 - ties/(total*(total-1))))
	if sd == 0 {
		return 1 // all values are the same
	}
	return distuv.UnitNormal.Survival((u - n*m/2 - .5) / sd)
}

// Rate is a share of attempts with its 95 % Wilson interval, which holds at 0 and at 1.
type Rate struct {
	Value float64
	CI95  [2]float64
	N     int
}

// Wilson is the score interval (Wilson 1927):
//
//	(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n),  z = 1.96
func Wilson(count, n int) (*Rate, error) {
	if n == 0 {
		return nil, unable("no attempts")
	}
	z := distuv.UnitNormal.Quantile(.975)
	p, k := float64(count)/float64(n), float64(n)
	mid, half := p+z*z/(2*k), z*math.Sqrt(p*(1-p)/k+z*z/(4*k*k))
	d := 1 + z*z/k
	return &Rate{p, [2]float64{math.Max(0, (mid-half)/d), math.Min(1, (mid+half)/d)}, n}, nil
}
