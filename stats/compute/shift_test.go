package compute

import (
	"math/rand/v2"
	"testing"
)

func TestWilsonByHand(t *testing.T) {
	r, err := Wilson(0, 10) // z^2/(n+z^2) = 3.8415/13.8415
	if err != nil {
		t.Fatal(err)
	}
	near(t, "low", r.CI95[0], 0)
	near(t, "high", r.CI95[1], 3.841458820694124/13.841458820694124)
	r, _ = Wilson(5, 10)
	near(t, "half", (r.CI95[0]+r.CI95[1])/2, .5)
	near(t, "half low", r.CI95[0], 0.23659309051256405)
	_, err = Wilson(0, 0)
	isUnable(t, "rate of none", err)
}

func TestShiftByHand(t *testing.T) {
	s, err := NewShift([]float64{10, 12, 14}, []float64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "shift", s.Value, 10) // 7 8 9 9 10 11 11 12 13
	near(t, "share", s.Share, 5)
	// U = 9, mean 4.5, var 9/12*7 = 5.25: z = 4/2.2913
	near(t, "p", s.PHigher, 0.04042779918502615)
	_, err = NewShift([]float64{1}, []float64{1, 2})
	isUnable(t, "shift of one", err)
	_, err = NewShift([]float64{1, 2}, []float64{0, 0})
	isUnable(t, "share of 0", err)
	same, err := NewShift([]float64{5, 5, 5}, []float64{5, 5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "no shift", same.Value, 0)
	near(t, "p of the same", same.PHigher, 1)
}

// TestShiftIsNotMovedByStragglers and keeps its scale; thinning changes little.
func TestShiftIsNotMovedByStragglers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func(n int, at float64) (v []float64) {
		for range n {
			v = append(v, at+rng.NormFloat64())
		}
		return v
	}
	y, x := draw(3000, 50), draw(200, 53)
	s, err := NewShift(x, y)
	if err != nil {
		t.Fatal(err)
	}
	if s.Value < 2.8 || s.Value > 3.2 || s.CI95[0] > 3 || s.CI95[1] < 3 || s.PHigher > 1e-6 {
		t.Errorf("%+v", s)
	}
	for i := range 10 {
		x[i] = 1e6
	}
	if moved, _ := NewShift(x, y); moved.Value > 3.3 {
		t.Errorf("10 stragglers of 200 move the shift to %v", moved.Value)
	}
}
