package main

import (
	"math"
	"math/rand/v2"

	"github.com/hallmark-attest/hallmark/stats/compute"
)

// The bank is synthetic: answers of three models to 20 questions, 20 each, in
// 59 dimensions, as the lab's bank of real answers was (that one has no licence
// and is not here). Scatter differs between questions, three have none, most of it
// lies in few directions, and answers come in modes. The models stand apart as
// the real ones did: D over its noise at n = 25 on the median question 2.6
// (hard) and 5.5 (easy), and a fifth of wrong answers is caught as often as there.
const (
	bankQuestions = 20
	bankAnswers   = 20
	bankDims      = 59
	silent        = 3 // questions that each model answers in one way alone
)

// bank holds answers by model, question: 0 the honest model, 1 the hard cheat, 2 the easy one.
type bank [3][bankQuestions]compute.Cell

func newBank(rng *rand.Rand) *bank {
	var b bank
	for q := range bankQuestions {
		scatter := math.Exp(rng.NormFloat64() * .7) // standard deviation of the question
		if q < silent {
			scatter = 0
		}
		spread := math.Exp(rng.NormFloat64() * .5) // some questions tell models apart better
		for m, ratio := range []float64{0, 2.6, 5.5} {
			at := direction(rng, math.Max(scatter, .7)*math.Sqrt((ratio*ratio-1)*2/25)*spread)
			if m == 0 {
				at = make([]float64, bankDims)
			}
			mode := direction(rng, .8*scatter)
			for a := range bankAnswers {
				x := make([]float64, bankDims)
				for d := range x {
					x[d] = at[d] + scatter*.6*rng.NormFloat64()*math.Pow(.8, float64(d))
					if a < bankAnswers/4 { // a rarer way to answer
						x[d] += mode[d]
					}
				}
				b[m][q] = append(b[m][q], x)
			}
		}
	}
	return &b
}

func direction(rng *rand.Rand, length float64) []float64 {
	v := make([]float64, bankDims)
	var n float64
	for d := range v {
		v[d] = rng.NormFloat64()
		n += v[d] * v[d]
	}
	if math.IsNaN(length) {
		length = 0
	}
	for d := range v {
		v[d] *= length / math.Sqrt(n)
	}
	return v
}

// draw is one node: n answers to each question, a share of them by another
// model, and an offset of honest nodes (kernels, load) in standard errors.
func (b *bank) draw(rng *rand.Rand, model int, share float64, n int, offset float64) []compute.Moments {
	out := make([]compute.Moments, bankQuestions)
	for q := range out {
		var c compute.Cell
		for range n {
			m := 0
			if model != 0 && rng.Float64() < share {
				m = model
			}
			c = append(c, b[m][q][rng.IntN(bankAnswers)])
		}
		out[q] = compute.NewMoments(c)
		for d, v := range direction(rng, offset*math.Sqrt(out[q].S2/float64(n))) {
			out[q].Mean[d] += v
		}
	}
	return out
}
