package compute

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

// timing is how a node answers: n answers, so many ms to the first token and between tokens.
type timing struct {
	n         int
	ttft, itl float64
	tokens    int
}

// timed is what latency says of each node.
func timed(t *testing.T, o Options, nodes ...timing) []*stats.Result {
	t.Helper()
	var a strings.Builder
	a.WriteString(answersHeader)
	for i, x := range nodes {
		for k := range x.n {
			first := x.ttft * (1 + .01*float64(k%7))
			fmt.Fprintf(&a, `{"node":"n%02d","question":"q%d","repeat":%d,"text":"x","ttft_ms":%v,"total_ms":%v,"tokens":%d}`+"\n",
				i, k/1000, k%1000, first, first+x.itl*float64(x.tokens-1)*(1+.01*float64(k%5)), x.tokens)
		}
	}
	in, err := ParseAnswers("a", []byte(a.String()))
	if err != nil {
		t.Fatal(err)
	}
	results, err := Evaluate(in, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []*stats.Result
	for _, r := range results {
		if r.Method.Name == stats.LatencyMethod {
			out = append(out, r)
		}
	}
	return out
}

func fleet(n int, of timing) (out []timing) {
	for range n {
		out = append(out, of)
	}
	return out
}

// TestFewNodesAreNoReferenceForLatency: of two nodes without reference one is the slow one, and nobody knows which.
func TestFewNodesAreNoReferenceForLatency(t *testing.T) {
	usual, slow := timing{60, 100, 10, 11}, timing{60, 400, 40, 11}
	for _, tc := range []struct {
		name       string
		nodes      []timing
		references []string
		want       stats.Decision // of the last
	}{
		{"two", []timing{usual, slow}, nil, stats.NotEvaluable},
		{"two, a reference", []timing{usual, slow}, []string{"n00"}, stats.Outlier},
		{"20", append(fleet(19, usual), slow), nil, stats.Outlier},
		{"20, of whom two were hardly timed", append(append(fleet(17, usual), fleet(2, timing{3, 100, 10, 11})...), slow), nil, stats.NotEvaluable},
	} {
		got := timed(t, Options{References: tc.references}, tc.nodes...)
		if r := got[len(got)-1]; r.Decision != tc.want || (r.Reason == "") != (r.Decision == stats.Outlier) || (len(r.Flags) > 0) != (r.Decision == stats.Outlier) {
			t.Errorf("%s: %s (%s), flags %v", tc.name, r.Decision, r.Reason, r.Flags)
		}
	}
}

// TestInlierOfLatencyTakesBothShifts: answers of one token have no time between tokens, and a node could hide there.
func TestInlierOfLatencyTakesBothShifts(t *testing.T) {
	usual := timing{60, 100, 10, 11}
	for _, tc := range []struct {
		name string
		node timing
		want stats.Decision
		says string
	}{
		{"both", usual, stats.Inlier, ""},
		{"one token", timing{60, 100, 0, 1}, stats.NotEvaluable, "itl_shift: "},
		{"one token, late", timing{60, 400, 0, 1}, stats.Outlier, ""},
		{"slow between tokens", timing{60, 100, 40, 11}, stats.Outlier, ""},
		{"few", timing{49, 100, 10, 11}, stats.NotEvaluable, "ttft_shift: 49 timed answers"},
	} {
		r := timed(t, Options{References: []string{"n00"}}, usual, tc.node)[1]
		if r.Decision != tc.want || !strings.Contains(r.Reason, tc.says) || (r.PValue == nil) != (tc.want == stats.NotEvaluable) {
			t.Errorf("%s: %s (%s), p %v", tc.name, r.Decision, r.Reason, r.PValue)
		}
	}
}

// TestTimesComparedWithAreThinned: reference.n says how many values the shift was taken against, and those are 200 at most.
func TestTimesComparedWithAreThinned(t *testing.T) {
	usual := timing{60, 100, 10, 11}
	for name, r := range map[string]*stats.Result{
		"a reference": timed(t, Options{References: []string{"n00"}}, timing{500, 100, 10, 11}, usual)[1],
		"few peers":   timed(t, Options{}, fleet(20, usual)...)[0],
		"many peers":  timed(t, Options{}, fleet(60, usual)...)[0],
	} {
		if r.Reference.N != maxShift || r.Decision != stats.Inlier {
			t.Errorf("%s: %d times, %s (%s)", name, r.Reference.N, r.Decision, r.Reason)
		}
	}
}
