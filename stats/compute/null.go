package compute

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat/distuv"
)

// maxDF caps the degrees of freedom fitted: above, the chi-square is a normal and its tail too thin to believe.
const maxDF = 400

// EmpiricalNull fits a scaled chi-square to the lower half of the scores, which
// cheaters do not reach, and returns each score's upper tail under it.
//
//	find nu with Q(0.25; nu)/Q(0.5; nu) = q25(T)/median(T);  p = P(chi2_nu > T Q(0.5; nu)/median(T))
func EmpiricalNull(t []float64) ([]float64, error) {
	if len(t) == 0 {
		return nil, unable("no scores")
	}
	s := slices.Sorted(slices.Values(t))
	med := sortedQuantile(s, .5)
	if med <= 0 {
		return nil, unable("half of the nodes score 0: they give exactly the same answers, and no spread can be fitted")
	}
	r := sortedQuantile(s, .25) / med
	lo, hi := 1.0, 5000.0
	for range 60 { // bisection in the logarithm: the ratio rises with nu
		nu := math.Sqrt(lo * hi)
		c := distuv.ChiSquared{K: nu}
		if c.Quantile(.25)/c.Quantile(.5) < r {
			lo = nu
		} else {
			hi = nu
		}
	}
	c := distuv.ChiSquared{K: math.Min(math.Sqrt(lo*hi), maxDF)}
	scale := med / c.Quantile(.5)
	p := make([]float64, len(t))
	for i, x := range t {
		p[i] = c.Survival(x / scale)
	}
	return p, nil
}

// Adjust returns Benjamini and Hochberg's q-values: rejecting q <= a keeps the
// expected share of false rejections at or below a.
//
//	q_(i) = min over j >= i of p_(j) N/j, at most 1
func Adjust(p []float64) []float64 {
	order := make([]int, len(p))
	floats.ArgsortStable(slices.Clone(p), order)
	q := make([]float64, len(p))
	least := 1.0
	for i := len(order) - 1; i >= 0; i-- {
		least = math.Min(least, p[order[i]]*float64(len(p))/float64(i+1))
		q[order[i]] = least
	}
	return q
}
