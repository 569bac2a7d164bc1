package compute

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

const (
	medianIterations = 200
	medianTolerance  = 1e-9 // of the largest distance
)

// GeometricMedian is the point with the least sum of distances to points (n
// vectors of z dimensions): Weiszfeld's iteration with the step of Vardi and
// Zhang (PNAS 97:1423, 2000), which leaves a data point that is not the
// median and stays at one that is. Half of the points must be moved before it leaves the rest.
func GeometricMedian(points [][]float64) ([]float64, error) {
	if len(points) == 0 {
		return nil, unable("no points: they have no median")
	}
	c := make([]float64, len(points[0]))
	for _, p := range points {
		floats.Add(c, p)
	}
	floats.Scale(1/float64(len(points)), c)
	var scale float64
	for _, p := range points {
		scale = math.Max(scale, floats.Distance(p, c, 2))
	}
	if scale == 0 {
		return c, nil
	}
	sum, r, next := make([]float64, len(c)), make([]float64, len(c)), make([]float64, len(c))
	for range medianIterations {
		var weights, here float64 // here: points that lie at c
		clear(sum)
		for _, p := range points {
			d := floats.Distance(p, c, 2)
			if d <= medianTolerance*scale {
				here++
				continue
			}
			floats.AddScaled(sum, 1/d, p)
			weights += 1 / d
		}
		if weights == 0 {
			return c, nil
		}
		copy(next, sum)
		floats.Scale(1/weights, next)
		if here > 0 {
			floats.SubTo(r, next, c)
			pull := weights * floats.Norm(r, 2)
			if pull <= here {
				return c, nil
			}
			floats.AddScaledTo(next, c, 1-here/pull, r)
		}
		step := floats.Distance(next, c, 2)
		copy(c, next)
		if step <= medianTolerance*scale {
			break
		}
	}
	return c, nil
}
