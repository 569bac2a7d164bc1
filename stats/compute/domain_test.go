package compute

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestGeometricMedianByHand(t *testing.T) {
	for _, tc := range []struct {
		name   string
		points [][]float64
		want   []float64
	}{
		{"one", [][]float64{{3, 4}}, []float64{3, 4}},
		{"same", [][]float64{{3, 4}, {3, 4}}, []float64{3, 4}},
		{"line", [][]float64{{0, 0}, {1, 0}, {10, 0}}, []float64{1, 0}},
		{"square", [][]float64{{0, 0}, {2, 0}, {0, 2}, {2, 2}}, []float64{1, 1}},
		// an angle of 120 degrees or more at a corner: the corner
		{"obtuse", [][]float64{{-10, 1}, {0, 0}, {10, 1}}, []float64{0, 0}},
		{"majority", [][]float64{{1, 1}, {1, 1}, {1, 1}, {9, 9}, {-5, 7}}, []float64{1, 1}},
		// equilateral: its centre
		{"equilateral", [][]float64{{0, 0}, {2, 0}, {1, math.Sqrt(3)}}, []float64{1, 1 / math.Sqrt(3)}},
		// the mean of these, where the iteration begins, is one of them and not the median
		{"starts on a point", [][]float64{{0, 0}, {-6, 0}, {1, 1}, {1, -1}, {4, 0}, {0, 0}}, nil},
	} {
		got, err := GeometricMedian(tc.points)
		if err != nil {
			t.Fatal(err)
		}
		if tc.want != nil && math.Hypot(got[0]-tc.want[0], got[1]-tc.want[1]) > 1e-5 {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
		sum := func(x, y float64) (s float64) {
			for _, p := range tc.points {
				s += math.Hypot(p[0]-x, p[1]-y)
			}
			return s
		}
		for i := range 8 {
			x, y := got[0]+.01*math.Cos(float64(i)), got[1]+.01*math.Sin(float64(i))
			if sum(x, y) < sum(got[0], got[1])-1e-9 {
				t.Errorf("%s: %v is nearer to all than %v", tc.name, []float64{x, y}, got)
			}
		}
	}
}

func TestAdjustByHand(t *testing.T) {
	// Benjamini and Hochberg: p N / rank, made monotone from the largest down
	want := []float64{.04, .05, .05, 1. / 3 * 4 / 4}
	want[3] = .8
	got := Adjust([]float64{.01, .03, .0375, .8})
	for i := range want {
		near(t, "q", got[i], want[i])
	}
	near(t, "q of one", Adjust([]float64{.2})[0], .2)
	if len(Adjust(nil)) != 0 {
		t.Error("q-values of none")
	}
}

func TestEmpiricalNullFitsTheLowerHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	scores := make([]float64, 1000)
	for i := range scores { // chi-square with 50 degrees of freedom, mean 1
		for range 50 {
			x := rng.NormFloat64()
			scores[i] += x * x / 50
		}
	}
	for i := range 300 { // cheaters move the upper tail alone
		scores[i] += 3
	}
	p, err := EmpiricalNull(scores)
	if err != nil {
		t.Fatal(err)
	}
	below, q := 0, Adjust(p)
	for i := range q {
		if q[i] <= .01 != (i < 300) && i < 300 {
			t.Fatalf("cheater %d has q = %v", i, q[i])
		}
		if i >= 300 && q[i] <= .01 {
			below++
		}
	}
	if below > 10 {
		t.Errorf("%d of 700 honest nodes rejected at 1 %%", below)
	}
}

// domain is n nodes of which the first cheat, offset by shift in each dimension.
func domain(rng *rand.Rand, n, cheaters int, shift float64) [][]Moments {
	nodes := make([][]Moments, n)
	for i := range nodes {
		at := 1.0
		if i < cheaters {
			at += shift
		}
		nodes[i] = All(normal(rng, 20, 25, 16, at))
	}
	return nodes
}

func TestSplitSeesASecondCluster(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, tc := range []struct {
		n, cheaters int
		want        float64
	}{{20, 0, 0}, {20, 8, .4}, {30, 3, .1}, {10, 5, .5}} {
		nodes := domain(rng, tc.n, tc.cheaters, .4)
		c, err := Middle(nodes)
		if err != nil {
			t.Fatal(err)
		}
		minor, share := Split(nodes, c)
		near(t, "share", share, tc.want)
		for i, m := range minor {
			if tc.want > 0 && tc.want < .5 && m != (i < tc.cheaters) {
				t.Errorf("%d of %d: node %d is on the wrong side", tc.cheaters, tc.n, i)
			}
		}
	}
	if _, share := Split(domain(rng, 1, 0, 0), nil); share != 0 {
		t.Error("one node is two clusters")
	}
}

// TestTwoWrongModelsStandApart: 24 nodes, of which ten run two other models, five each.
func TestTwoWrongModelsStandApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	nodes := domain(rng, 24, 5, 1)
	for i := 5; i < 10; i++ {
		nodes[i] = All(normal(rng, 20, 25, 16, -.2))
	}
	c, err := Middle(nodes)
	if err != nil {
		t.Fatal(err)
	}
	var scores []float64
	for _, n := range nodes {
		s, _, err := c.Score(n)
		if err != nil {
			t.Fatal(err)
		}
		scores = append(scores, s)
	}
	p, err := EmpiricalNull(scores)
	if err != nil {
		t.Fatal(err)
	}
	minor, share := Apart(nodes, c, Adjust(p))
	if share < 10./24 {
		t.Errorf("%.2f stand apart: %v", share, minor)
	}
}

func TestEnergyByHand(t *testing.T) {
	d, rows, total := distances(Cell{{0}, {1}}, Cell{{2}, {4}})
	// across: 2+4+1+3 = 10; 2*10/4 - 2*1/4 - 2*2/4 = 3.5
	near(t, "E", energy(d, rows, total, []int{0, 1}), 3.5)
	near(t, "E of the other labels", energy(d, rows, total, []int{2, 3}), 3.5)
}

func TestEnergyIsRepeatableAndSees(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	ref := normal(rng, 10, 30, 8, 0)
	run := func(node []Cell) *Energy {
		e, err := EnergyDistance(node, ref, 199, rand.New(rand.NewPCG(1, 2)))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	same := normal(rng, 10, 15, 8, 0)
	if a, b := run(same), run(same); *a != *b || a.P < .02 {
		t.Errorf("%+v and %+v", a, b)
	}
	a, b := run(same), run(scaled(same, .3)) // the same means, narrower
	if b.P != 1./200 {
		t.Errorf("canned answers: p = %v", b.P)
	}
	c, _ := Anchor(All(ref))
	ratio, _, err := c.ScatterRatio(All(scaled(same, .3)))
	if err != nil || ratio > .12 {
		t.Errorf("scatter ratio of canned answers %v, %v", ratio, err)
	}
	e, _ := EnergyDistance(scaled(same, 7), []Cell(scaled(ref, 7)), 199, rand.New(rand.NewPCG(1, 2)))
	near(t, "E scaled", e.Value, a.Value)
	near(t, "p scaled", e.P, a.P)
}

// TestEnergyHoldsItsLevel: p-values of one model are uniform.
func TestEnergyHoldsItsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var p []float64
	for range 200 {
		e, err := EnergyDistance(normal(rng, 3, 6, 4, 0), normal(rng, 3, 12, 4, 0), 99, rng)
		if err != nil {
			t.Fatal(err)
		}
		p = append(p, e.P)
	}
	slices.Sort(p)
	if low := p[10]; low < .01 || low > .12 { // the 5 % quantile of 200
		t.Errorf("5 %% of p-values lie below %v", low)
	}
}

func BenchmarkEnergy(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	ref, node := normal(rng, 20, 100, 768, 0), normal(rng, 20, 25, 768, 0)
	for b.Loop() {
		EnergyDistance(node, ref, 999, rng)
	}
}
