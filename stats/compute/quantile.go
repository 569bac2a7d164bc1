package compute

import (
	"math"
	"slices"
)

// quantile interpolates linearly between order statistics (type 7 of Hyndman
// and Fan: what numpy and R do by default). gonum's LinInterp is type 4, which
// differs at these sample sizes. values need not be sorted and must not be empty.
func quantile(values []float64, p float64) float64 {
	s := slices.Sorted(slices.Values(values))
	return sortedQuantile(s, p)
}

func sortedQuantile(s []float64, p float64) float64 {
	h := p * float64(len(s)-1)
	i := int(math.Floor(h))
	if i >= len(s)-1 {
		return s[len(s)-1]
	}
	return s[i] + (h-float64(i))*(s[i+1]-s[i])
}

func median(values []float64) float64 { return quantile(values, .5) }
