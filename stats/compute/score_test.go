package compute

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// near compares to nine digits.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-9*math.Max(1, math.Abs(want))) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func isUnable(t *testing.T, what string, err error) {
	t.Helper()
	var u *Unable
	if !errors.As(err, &u) || u.Reason == "" {
		t.Errorf("%s: %v, want a reason why it is not evaluable", what, err)
	}
}

// normal draws cells: k questions, n answers each, z dimensions of standard deviation 1 around at.
func normal(rng *rand.Rand, k, n, z int, at float64) []Cell {
	out := make([]Cell, k)
	for q := range out {
		for range n {
			x := make([]float64, z)
			for d := range x {
				x[d] = at + rng.NormFloat64()
			}
			out[q] = append(out[q], x)
		}
	}
	return out
}

func scaled(cells []Cell, by float64) []Cell {
	out := make([]Cell, len(cells))
	for q, c := range cells {
		for _, x := range c {
			y := make([]float64, len(x))
			for d := range x {
				y[d] = by * x[d]
			}
			out[q] = append(out[q], y)
		}
	}
	return out
}

func TestMomentsByHand(t *testing.T) {
	m := NewMoments(Cell{{0, 0}, {2, 0}, {1, 3}})
	near(t, "mean x", m.Mean[0], 1)
	near(t, "mean y", m.Mean[1], 1)
	near(t, "s2", m.S2, (2+2+4)/2.)                      // squared distances 2, 2, 4; n-1 = 2
	near(t, "sigma", sigma(m), math.Sqrt((2./3+6./3)/2)) // variances with ddof 0: 2/3 and 2
	near(t, "s2 of one", NewMoments(Cell{{5, 5}}).S2, 0)
}

func TestPaperByHand(t *testing.T) {
	a := All([]Cell{{{0, 0}, {2, 0}}, {{0, 0}}})         // the second question was answered once
	b := All([]Cell{{{0, 4}, {2, 4}}, {{1, 1}, {2, 2}}}) // D = 4
	p, err := NewPaper(a, b)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "D_ave", p.DAve, 4)
	near(t, "sigma", p.Sigma, math.Sqrt(.5))
	near(t, "noise", p.NoiseDistance, math.Sqrt(2)) // s2 = 2 each, over 2
	if p.Questions != 1 {
		t.Errorf("%d questions, want 1", p.Questions)
	}
	ratio, err := p.Ratio()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ratio", ratio, 4/math.Sqrt(.5))
}

func TestScoreByHand(t *testing.T) {
	ref := All([]Cell{{{0, 0}, {2, 0}}, {{0, 0}, {2, 0}}})
	node := All([]Cell{{{1, 1}, {1, 1}}, {{1, 100}}})
	c, err := Anchor(ref)
	if err != nil {
		t.Fatal(err)
	}
	score, k, err := c.Score(node)
	if err != nil || k != 2 {
		t.Fatalf("%d questions, %v", k, err)
	}
	// question 0: 1/(2 (1/2 + 1/2)) = 0.5; question 1: capped at 6
	near(t, "T", score, (0.5+6)/2)
}

// TestFloor: a question that the reference always answers alike divides by the floor, not by 0.
func TestFloor(t *testing.T) {
	ref := All([]Cell{{{0, 0}, {2, 0}}, {{1, 0}, {1, 0}}})
	c, err := Anchor(ref)
	if err != nil {
		t.Fatal(err)
	}
	// s2 = 2 and 0: the quartile is 0.5; norms are 1 and 1
	near(t, "f", c.floor, 0.25*0.5+1e-6)
}

func TestNotEvaluable(t *testing.T) {
	once, same := All([]Cell{{{1, 2}}}), All([]Cell{{{1, 2}, {1, 2}}})
	none, two := All([]Cell{{}}), All([]Cell{{{1, 2}, {3, 4}}})
	_, err := Anchor(once)
	isUnable(t, "anchor of n = 1", err)
	_, err = Anchor(same)
	isUnable(t, "anchor of identical answers", err)
	_, err = Anchor(none)
	isUnable(t, "anchor of none", err)
	c, err := Anchor(two)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = c.Score(none)
	isUnable(t, "score of no answers", err)
	_, _, err = c.ScatterRatio(once)
	isUnable(t, "scatter of n = 1", err)
	_, err = NewPaper(once, two)
	isUnable(t, "sigma of n = 1", err)
	p, err := NewPaper(same, same)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Ratio()
	isUnable(t, "D/sigma of identical answers", err)
	_, err = EmpiricalNull([]float64{0, 0, 0, 1})
	isUnable(t, "null of zeros", err)
	_, err = EmpiricalNull(nil)
	isUnable(t, "null of none", err)
	_, err = GeometricMedian(nil)
	isUnable(t, "median of none", err)
	_, err = Middle(nil)
	isUnable(t, "middle of none", err)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, cell := range []Cell{{{1, 2}}, {{1, 2}, {1, 2}}, nil} {
		_, err = EnergyDistance([]Cell{cell}, []Cell{{{1, 2}, {1, 2}}}, 9, rng)
		isUnable(t, "energy", err)
	}
}

// TestScoreKeepsItsScale: neither the unit of the embedding nor the order of answers changes T.
func TestScoreKeepsItsScale(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ref, node := normal(rng, 20, 25, 8, .5), normal(rng, 20, 10, 8, .6)
	at := func(ref, node []Cell) float64 {
		c, err := Anchor(All(ref))
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := c.Score(All(node))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := at(ref, node)
	near(t, "T scaled", at(scaled(ref, 1000), scaled(node, 1000)), want)
	for _, c := range node {
		rng.Shuffle(len(c), func(i, j int) { c[i], c[j] = c[j], c[i] })
	}
	near(t, "T shuffled", at(ref, node), want)
}

// TestScoreOfOneModelIsOne is what the score is made for: 1 whatever n and z are, where the paper's ratio moves.
func TestScoreOfOneModelIsOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, tc := range []struct{ n, z int }{{5, 16}, {5, 256}, {25, 16}, {25, 256}} {
		ref := All(normal(rng, 60, 100, tc.z, .1))
		c, err := Anchor(ref)
		if err != nil {
			t.Fatal(err)
		}
		node := All(normal(rng, 60, tc.n, tc.z, .1))
		score, _, _ := c.Score(node)
		p, _ := NewPaper(node, ref)
		ratio, _ := p.Ratio()
		if score < .85 || score > 1.15 {
			t.Errorf("n=%d z=%d: T = %.2f", tc.n, tc.z, score)
		}
		if want := math.Sqrt(float64(tc.z) * (1/float64(tc.n) + .01)); math.Abs(ratio/want-1) > .2 {
			t.Errorf("n=%d z=%d: ratio %.1f, noise alone %.1f", tc.n, tc.z, ratio, want)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	ref, node := All(normal(rng, 20, 100, 768, 0)), normal(rng, 20, 25, 768, 0)
	c, err := Anchor(ref)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("answers", func(b *testing.B) {
		for b.Loop() {
			c.Score(All(node))
		}
	})
	m := All(node)
	b.Run("moments", func(b *testing.B) {
		for b.Loop() {
			c.Score(m)
		}
	})
}
