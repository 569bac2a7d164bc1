package compute

import (
	"gonum.org/v1/gonum/floats"
)

// Cell holds the embeddings of one node's answers to one question: n vectors of z dimensions.
type Cell [][]float64

// Moments is what the scores need of a cell.
type Moments struct {
	N    int
	Mean []float64 // A: the mean point, z values in units of the embedding; nil for N = 0
	// S2 is the unbiased total scatter, sum over dimensions of the variance with
	// ddof 1, in squared units of the embedding; 0 for N < 2, where there is none.
	S2 float64
}

// NewMoments computes a cell's mean point and scatter.
//
//	A = (1/n) sum_i x_i        s2 = (1/(n-1)) sum_i |x_i - A|^2
func NewMoments(c Cell) Moments {
	m := Moments{N: len(c)}
	if m.N == 0 {
		return m
	}
	m.Mean = make([]float64, len(c[0]))
	for _, x := range c {
		floats.Add(m.Mean, x)
	}
	floats.Scale(1/float64(m.N), m.Mean)
	if m.N < 2 {
		return m
	}
	for _, x := range c {
		m.S2 += squaredDistance(x, m.Mean)
	}
	m.S2 /= float64(m.N - 1)
	return m
}

// All computes the moments of one node's cells, by question.
func All(cells []Cell) []Moments {
	out := make([]Moments, len(cells))
	for q, c := range cells {
		out[q] = NewMoments(c)
	}
	return out
}

func squaredDistance(a, b []float64) float64 {
	d := floats.Distance(a, b, 2)
	return d * d
}
