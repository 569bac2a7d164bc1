package compute

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

// outcomes is what http-outcomes says of a node that gave the outcomes, each so often, and answers up to attempts.
func outcomes(t *testing.T, attempts int, failed map[string]int) *stats.Result {
	t.Helper()
	var a strings.Builder
	a.WriteString(answersHeader)
	n := 0
	line := func(outcome string) {
		fmt.Fprintf(&a, `{"node":"n","question":"q","repeat":%d,%s}`+"\n", n, outcome)
		n++
	}
	for outcome, times := range failed {
		for range times {
			line(outcome)
		}
	}
	for n < attempts {
		line(`"text":"x"`)
	}
	in, err := ParseAnswers("a", []byte(a.String()))
	if err != nil {
		t.Fatal(err)
	}
	results, err := Evaluate(in, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return results[len(results)-1]
}

func TestOutcomesDecide(t *testing.T) {
	for _, tc := range []struct {
		name     string
		attempts int
		failed   map[string]int
		want     stats.Decision
		flags    string
	}{
		{"too few", 49, nil, stats.NotEvaluable, "[]"},
		{"too few, all failed", 49, map[string]int{`"timeout":true`: 49}, stats.NotEvaluable, "[]"},
		{"none failed", 50, nil, stats.Inlier, "[]"},
		{"time-outs", 50, map[string]int{`"timeout":true`: 10}, stats.Outlier, "[timeout]"},
		{"a few of each kind", 100, map[string]int{`"timeout":true`: 6, `"status":503`: 6, `"status":404`: 6, `"error":"reset"`: 6}, stats.Outlier, "[]"},
	} {
		r := outcomes(t, tc.attempts, tc.failed)
		if r.Method.Name != stats.HTTPOutcomes || r.Decision != tc.want || fmt.Sprint(r.Flags) != tc.flags || *r.Stats[0].Value != float64(count(tc.failed))/float64(tc.attempts) {
			t.Errorf("%s: %s (%s), flags %v", tc.name, r.Decision, r.Reason, r.Flags)
		}
	}
}

func count(failed map[string]int) (n int) {
	for _, times := range failed {
		n += times
	}
	return n
}
