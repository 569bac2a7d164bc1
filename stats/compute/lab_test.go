package compute

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// labCells reads 1,200 answers of six nodes (Ollama, random-weight models) from
// the shared data folder and embeds them as mean-pooled GloVe vectors of unit norm.
func labCells(t testing.TB) map[string][]Cell {
	t.Helper()
	dir := filepath.Join(cmp.Or(os.Getenv("HALLMARK_VECTORS"), "../../../shared/data"), "stats")
	var answers []struct {
		Node, Text string
		Q          int
	}
	var words map[string][]float64
	for name, v := range map[string]any{"answers.json": &answers, "words-glove100.json": &words} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Skipf("NOT CHECKED against real answers: %v (set HALLMARK_VECTORS)", err)
		}
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string][]Cell{}
	for _, a := range answers {
		x := make([]float64, 100)
		for _, w := range strings.Fields(a.Text) {
			for d := range x {
				if v, ok := words[w]; ok {
					x[d] += v[d]
				}
			}
		}
		var n float64
		for _, v := range x {
			n += v * v
		}
		for d := range x {
			x[d] /= math.Sqrt(n)
		}
		if out[a.Node] == nil {
			out[a.Node] = make([]Cell, 20)
		}
		out[a.Node][a.Q] = append(out[a.Node][a.Q], x)
	}
	return out
}

// TestScoresOfRealAnswers: the score tells what the paper's ratio does not.
func TestScoresOfRealAnswers(t *testing.T) {
	cells := labCells(t)
	ref := All(cells["n1"])
	c, err := Anchor(ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		node         string
		score, ratio float64
	}{{"n2", 1.09, 4.9}, {"n3", 1.23, 5.1}, {"n4", 2.50, 7.2}, {"n5", 3.39, 8.5}, {"n6", 3.58, 8.7}} {
		m := All(cells[tc.node])
		score, k, err := c.Score(m)
		if err != nil || k != 20 {
			t.Fatalf("%s: %d questions, %v", tc.node, k, err)
		}
		p, err := NewPaper(m, ref)
		if err != nil {
			t.Fatal(err)
		}
		ratio, err := p.Ratio()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: T %.2f, D_ave %.4f, sigma %.4f, noise %.4f, D/sigma_max %.1f", tc.node, score, p.DAve, p.Sigma, p.NoiseDistance, ratio)
		if math.Abs(score-tc.score) > .005001 || math.Abs(ratio-tc.ratio) > .05001 {
			t.Errorf("%s: T %.3f and D/sigma %.2f, want %.2f and %.1f", tc.node, score, ratio, tc.score, tc.ratio)
		}
	}
}
