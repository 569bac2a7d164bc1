package compute

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

// TestPaperNumbersOfRecords computes them anew, from the embeddings in the file and by the definitions.
func TestPaperNumbersOfRecords(t *testing.T) {
	answers, embeddings := collection(t, 13, 6, 5, "general", []float64{0, .3, .1, 0})
	few := func(l string) bool { // one node answers a question once, which then has no sigma; another one less often
		return !strings.Contains(l, `"node":"n02","question":"general03"`) && !strings.Contains(l, `"node":"n01","question":"general04"`) || strings.Contains(l, `"repeat":0,`) || strings.Contains(l, `"node":"n01"`) && strings.Contains(l, `"repeat":1,`)
	}
	answers, embeddings = kept(answers, few), kept(embeddings, few)
	x := vectors(t, embeddings)
	for _, o := range []Options{{}, {References: []string{"n00"}}, {References: []string{"n00", "n03"}}} {
		for id, r := range evaluate(t, answers, embeddings, o) {
			if r.Method.Name != stats.EmbeddingScore || r.Decision == stats.NotRun {
				continue
			}
			for name, want := range byDefinition(x, r.Subject.NodeID, o.References) {
				for _, s := range r.Stats {
					if s.Name == name {
						near(t, fmt.Sprintf("%s of %s against %v", name, id, o.References), *s.Value, want)
					}
				}
			}
		}
	}
}

// vectors are the embeddings of a file by node and question.
func vectors(t *testing.T, file string) map[string]map[string][][]float64 {
	t.Helper()
	out := map[string]map[string][][]float64{}
	for _, l := range strings.Split(strings.TrimSpace(file), "\n")[1:] {
		var v Vector
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatal(err)
		}
		if out[v.Node] == nil {
			out[v.Node] = map[string][][]float64{}
		}
		out[v.Node][v.Question] = append(out[v.Node][v.Question], v.Embedding)
	}
	return out
}

// spread is a cell's mean, and its variances summed over dimensions: divided by n, and by n-1.
func spread(cell [][]float64) (mean []float64, byN, byLess float64) {
	n := float64(len(cell))
	for d := range cell[0] {
		var sum, squares float64
		for _, x := range cell {
			sum += x[d]
		}
		for _, x := range cell {
			squares += (x[d] - sum/n) * (x[d] - sum/n)
		}
		mean, byN, byLess = append(mean, sum/n), byN+squares/n, byLess+squares/(n-1)
	}
	return mean, byN, byLess
}

// byDefinition is docs/statistics.md in code: a reference's answers are pooled, peers' mean points and scatters averaged.
func byDefinition(x map[string]map[string][][]float64, node string, references []string) map[string]float64 {
	var k, dAve, dMax, noise, sigma, sigmaOther float64
	for q, cell := range x[node] {
		if len(cell) < 2 {
			continue
		}
		mean, byN, byLess := spread(cell)
		z := float64(len(mean))
		var center []float64
		var s2, answers, s2n float64
		if len(references) > 0 {
			var pooled [][]float64
			for _, r := range references {
				pooled = append(pooled, x[r][q]...)
			}
			var all float64
			center, all, s2 = spread(pooled)
			answers, s2n = float64(len(pooled)), all
		} else {
			center = make([]float64, len(mean))
			nodes := 0.0
			for other, cells := range x {
				if other == node || len(cells[q]) < 2 {
					continue
				}
				m, _, s := spread(cells[q])
				for d := range m {
					center[d] += m[d]
				}
				s2, answers, nodes = s2+s, answers+float64(len(cells[q])), nodes+1
			}
			for d := range center {
				center[d] /= nodes
			}
			s2 /= nodes
			s2n = s2 * (answers - 1) / answers
		}
		var d2 float64
		for d := range mean {
			d2 += (mean[d] - center[d]) * (mean[d] - center[d])
		}
		k++
		dAve, dMax = dAve+math.Sqrt(d2), math.Max(dMax, math.Sqrt(d2))
		noise += math.Sqrt(byLess/float64(len(cell)) + s2/answers)
		sigma, sigmaOther = sigma+math.Sqrt(byN/z), sigmaOther+math.Sqrt(s2n/z)
	}
	largest := math.Max(sigma, sigmaOther) / k
	return map[string]float64{"d_ave": dAve / k, "d_max": dMax, "noise_distance": noise / k, "sigma": sigma / k, "sigma_max": largest, "d_over_sigma_max": dAve / k / largest}
}
