package compute

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

// collection writes answers and embeddings files of nodes that answer k questions n times, offset by at[node].
func collection(t *testing.T, seed uint64, k, n int, set string, at []float64) (answers, embeddings string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	var a, e strings.Builder
	a.WriteString(answersHeader)
	fmt.Fprintf(&e, `{"schema":%q,"embedder":"test","dimensions":16}`+"\n", EmbeddingsSchema)
	for i, shift := range at {
		for q, cell := range normal(rng, k, n, 16, 1+shift) {
			for r, x := range cell {
				id := fmt.Sprintf(`{"node":"n%02d","question":"%s%02d","repeat":%d,`, i, set, q, r)
				fmt.Fprintf(&a, `%s"set":%q,"text":"x","ttft_ms":%v,"total_ms":%v,"tokens":11}`+"\n", id, set, 100+5*rng.Float64(), 300+5*rng.Float64())
				v, err := json.Marshal(x)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&e, `%s"embedding":%s}`+"\n", id, v)
			}
		}
	}
	return a.String(), e.String()
}

func evaluate(t *testing.T, answers, embeddings string, o Options) map[string]*stats.Result {
	t.Helper()
	a, err := ParseAnswers("a", []byte(answers))
	if err != nil {
		t.Fatal(err)
	}
	e, err := ParseEmbeddings("e", []byte(embeddings))
	if err != nil {
		t.Fatal(err)
	}
	results, err := Evaluate(a, e, o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*stats.Result{}
	for _, r := range results {
		b, err := stats.Marshal(r)
		if err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		if _, err := stats.ParseCanonical(b); err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		out[r.ID] = r
	}
	return out
}

// cheaters offsets the first c of n nodes.
func cheaters(n, c int, shift float64) []float64 {
	at := make([]float64, n)
	for i := range c {
		at[i] = shift
	}
	return at
}

func TestAnchorTellsTheOtherModel(t *testing.T) {
	a, e := collection(t, 1, 20, 10, "general", []float64{0, 0, .5})
	got := evaluate(t, a, e, Options{References: []string{"n00"}})
	for id, want := range map[string]stats.Decision{
		"e/n00/embedding-score/general": stats.NotRun, "e/n01/embedding-score/general": stats.Inlier, "e/n02/embedding-score/general": stats.Outlier,
		"e/n01/energy-distance/general": stats.Inlier, "e/n02/energy-distance/general": stats.Outlier,
		"e/n01/latency": stats.Inlier, "e/n01/http-outcomes": stats.Inlier,
	} {
		if got[id] == nil || got[id].Decision != want {
			t.Errorf("%s: %+v, want %s", id, got[id], want)
		}
	}
	if f := got["e/n02/embedding-score/general"].Flags; len(f) != 1 || f[0] != stats.FlagOutlier {
		t.Errorf("flags %v", f)
	}
}

func TestPeersWithoutReference(t *testing.T) {
	for _, tc := range []struct {
		n, c            int
		cheater, honest stats.Decision
	}{
		{24, 3, stats.Outlier, stats.Inlier},
		{24, 0, "", stats.Inlier},
		{24, 10, stats.Inconclusive, stats.Inconclusive}, // colluding: no majority may flag
		{24, 12, stats.Inconclusive, stats.Inconclusive},
		{24, 14, stats.Inconclusive, stats.Inconclusive}, // the honest ones are fewer
		{10, 1, stats.NotEvaluable, stats.NotEvaluable},
	} {
		a, e := collection(t, 2, 20, 10, "general", cheaters(tc.n, tc.c, .6))
		got := evaluate(t, a, e, Options{})
		for i := range tc.n {
			want := tc.honest
			if i < tc.c {
				want = tc.cheater
			}
			r := got[fmt.Sprintf("e/n%02d/embedding-score/general", i)]
			if r.Decision != want {
				t.Errorf("%d of %d: node %d is %s (%s), want %s", tc.c, tc.n, i, r.Decision, r.Reason, want)
			}
		}
	}
}

// TestSparseNodesHaveNoPartInADomain: neither do they silence the alarm, nor choose the middle, nor get a decision.
func TestSparseNodesHaveNoPartInADomain(t *testing.T) {
	for _, tc := range []struct {
		name            string
		cheaters        int
		sparse          float64 // how far the sparse nodes' answers lie from the honest ones
		cheater, honest stats.Decision
	}{
		{"the alarm stays", 10, 0, stats.Inconclusive, stats.Inconclusive},
		{"the middle stays", 3, .6, stats.Outlier, stats.Inlier},
	} {
		const full, all = 24, 74
		at := cheaters(all, tc.cheaters, .6)
		for i := full; i < all; i++ {
			at[i] = tc.sparse
		}
		a, e := collection(t, 9, 20, 10, "general", at)
		few := func(line string) bool { // two answers to each question
			var node, repeat int
			i := strings.Index(line, `"node":"n`)
			if i < 0 {
				return true
			}
			fmt.Sscanf(line[i:], `"node":"n%d"`, &node)
			fmt.Sscanf(line[strings.Index(line, `"repeat":`):], `"repeat":%d`, &repeat)
			return node < full || repeat < 2
		}
		got := evaluate(t, kept(a, few), kept(e, few), Options{})
		for i := range all {
			want := tc.honest
			switch {
			case i < tc.cheaters:
				want = tc.cheater
			case i >= full:
				want = stats.NotEvaluable
			}
			r := got[fmt.Sprintf("e/n%02d/embedding-score/general", i)]
			if r.Decision != want || want == stats.NotEvaluable && r.PValue != nil {
				t.Errorf("%s: node %d is %s (%s), want %s", tc.name, i, r.Decision, r.Reason, want)
			}
		}
	}
}

// kept are the lines of a file that keep says yes to.
func kept(file string, keep func(string) bool) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(file, "\n"), func(l string) bool { return !keep(l) }), "")
}

func TestTooLittleDecidesNothing(t *testing.T) {
	for _, tc := range []struct {
		name string
		k, n int
		want string
	}{{"questions", 19, 10, "19 questions have 10 answers of the reference"}, {"repeats", 20, 9, "0 questions have 10 answers of the reference"}, {"once", 20, 1, "scatter is unknown"}} {
		a, e := collection(t, 3, tc.k, tc.n, "general", []float64{0, 3})
		r := evaluate(t, a, e, Options{References: []string{"n00"}})["e/n01/embedding-score/general"]
		if r.Decision != stats.NotEvaluable || !strings.Contains(r.Reason, tc.want) || len(r.Flags) > 0 {
			t.Errorf("%s: %s (%s), flags %v", tc.name, r.Decision, r.Reason, r.Flags)
		}
	}
}

func TestTooLittleOfTheNodeDecidesNothing(t *testing.T) {
	a, e := collection(t, 3, 20, 10, "general", []float64{0, 3})
	for name, few := range map[string]func(string) bool{
		"19 questions": func(l string) bool { return !strings.Contains(l, `"question":"general07"`) },
		"0 questions":  func(l string) bool { return strings.Contains(l, `"repeat":0,`) },
	} {
		node := func(l string) bool { return !strings.Contains(l, `"node":"n01"`) || few(l) }
		r := evaluate(t, kept(a, node), kept(e, node), Options{References: []string{"n00"}})["e/n01/embedding-score/general"]
		if r.Decision != stats.NotEvaluable || !strings.Contains(r.Reason, name+" have 5 answers") || len(r.Flags) > 0 || r.Stats[0].Value == nil {
			t.Errorf("%s: %s (%s), flags %v", name, r.Decision, r.Reason, r.Flags)
		}
	}
}

// TestDecisionTakesAReference: T is stated against any, and decides against 20 questions with 10 answers alone.
func TestDecisionTakesAReference(t *testing.T) {
	a, e := collection(t, 11, 21, 10, "general", []float64{0, 0, .6})
	for _, tc := range []struct {
		name  string
		leave []string // the reference's answers that did not come
		want  [2]stats.Decision
		n     int // questions behind T
	}{
		{"all", nil, [2]stats.Decision{stats.Inlier, stats.Outlier}, 21},
		{"one question is thin", []string{"general03"}, [2]stats.Decision{stats.Inlier, stats.Outlier}, 20},
		{"two are", []string{"general03", "general04"}, [2]stats.Decision{stats.NotEvaluable, stats.NotEvaluable}, 21},
	} {
		came := func(l string) bool {
			return !strings.Contains(l, `"node":"n00"`) || !strings.Contains(l, `"repeat":0,`) || !slices.ContainsFunc(tc.leave, func(q string) bool { return strings.Contains(l, q) })
		}
		got := evaluate(t, kept(a, came), kept(e, came), Options{References: []string{"n00"}})
		for i, want := range tc.want {
			r := got[fmt.Sprintf("e/n%02d/embedding-score/general", i+1)]
			if r.Decision != want || r.Stats[0].Value == nil || r.Stats[0].N != tc.n || want == stats.NotEvaluable && !strings.Contains(r.Reason, "answers of the reference") {
				t.Errorf("%s: node %d is %s (%s), T of %d questions", tc.name, i+1, r.Decision, r.Reason, r.Stats[0].N)
			}
		}
		// the permutation test holds its level with any reference: it may reject, and not clear
		if same := got["e/n01/energy-distance/general"].Decision; same != tc.want[0] {
			t.Errorf("%s: energy is %s", tc.name, same)
		}
	}
}

// TestInlierOfEnergyTakesAnswers: a permutation test of few answers sees nothing, which is no sign of sameness.
func TestInlierOfEnergyTakesAnswers(t *testing.T) {
	a, e := collection(t, 10, 20, 10, "general", []float64{0, 0, 3})
	few := func(line string) bool {
		return strings.Contains(line, `"node":"n00"`) || !strings.Contains(line, `"node":`) || strings.Contains(line, `"repeat":0,`) || strings.Contains(line, `"repeat":1,`)
	}
	got := evaluate(t, kept(a, few), kept(e, few), Options{References: []string{"n00"}})
	if r := got["e/n01/energy-distance/general"]; r.Decision != stats.NotEvaluable || !strings.Contains(r.Reason, "0 questions have 5 answers") || r.PValue == nil {
		t.Errorf("two answers to each question: %s (%s)", r.Decision, r.Reason)
	}
	if r := got["e/n02/energy-distance/general"]; r.Decision != stats.Outlier {
		t.Errorf("two answers, far off: %s (%s), p %v", r.Decision, r.Reason, *r.PValue)
	}
}

// TestUnansweredQuestionIsNoEscape: of 21 questions one may stay without answers, and the node is still judged.
func TestUnansweredQuestionIsNoEscape(t *testing.T) {
	a, e := collection(t, 8, 21, 10, "general", []float64{0, .5})
	answers := strings.SplitAfter(a, "\n")
	for i, l := range answers {
		if strings.Contains(l, `"node":"n01","question":"general07"`) {
			answers[i] = strings.Replace(l, `"text":"x"`, `"timeout":true`, 1)
		}
	}
	embeddings := strings.SplitAfter(e, "\n")
	for i, l := range embeddings {
		if strings.Contains(l, `"node":"n01","question":"general07"`) {
			embeddings[i] = ""
		}
	}
	r := evaluate(t, strings.Join(answers, ""), strings.Join(embeddings, ""), Options{References: []string{"n00"}})["e/n01/embedding-score/general"]
	if r.Decision != stats.Outlier {
		t.Errorf("%s (%s)", r.Decision, r.Reason)
	}
}

// TestWhoLeavesOutAnswersIsNoInlier, whatever it answered; and is an outlier where that stands out.
func TestWhoLeavesOutAnswersIsNoInlier(t *testing.T) {
	a, e := collection(t, 12, 20, 20, "general", []float64{0, 0, .5, 0})
	failed := func(node string, repeats ...int) {
		for _, r := range repeats {
			at := fmt.Sprintf(`"repeat":%d,`, r)
			e = kept(e, func(l string) bool { return !strings.Contains(l, node) || !strings.Contains(l, at) })
			lines := strings.SplitAfter(a, "\n")
			for i, l := range lines {
				if strings.Contains(l, node) && strings.Contains(l, at) {
					lines[i] = l[:strings.Index(l, at)+len(at)] + `"set":"general","timeout":true}` + "\n"
				}
			}
			a = strings.Join(lines, "")
		}
	}
	failed("n01", 0, 1) // a tenth
	failed("n02", 0, 1)
	failed("n03", 0) // 5 %
	got := evaluate(t, a, e, Options{References: []string{"n00"}})
	for id, want := range map[string]stats.Decision{
		"n01/embedding-score/general": stats.Inconclusive, "n01/energy-distance/general": stats.Inconclusive, "n01/latency": stats.Inconclusive,
		"n02/embedding-score/general": stats.Outlier, "n02/energy-distance/general": stats.Outlier, "n02/latency": stats.Inconclusive,
		"n03/embedding-score/general": stats.Inlier, "n03/energy-distance/general": stats.Inlier, "n03/latency": stats.Inlier,
	} {
		if r := got["e/"+id]; r.Decision != want || want == stats.Inconclusive && !strings.Contains(r.Reason, "360 of 400 answers came") {
			t.Errorf("%s: %s (%s), want %s", id, r.Decision, r.Reason, want)
		}
	}
}

// TestKnowledgeNeverClears: text cannot show that a knowledge base is the same.
func TestKnowledgeNeverClears(t *testing.T) {
	a, e := collection(t, 4, 20, 10, "knowledge", []float64{0, 0, .6})
	got := evaluate(t, a, e, Options{References: []string{"n00"}})
	same, other := got["e/n01/embedding-score/knowledge"], got["e/n02/embedding-score/knowledge"]
	if same.Decision != stats.Inconclusive || same.Reason == "" || other.Decision != stats.Outlier || other.Reason == "" {
		t.Errorf("%s (%s) and %s (%s)", same.Decision, same.Reason, other.Decision, other.Reason)
	}
}

// TestIdenticalAnswers: greedy decoding gives scatter 0, which no distance can be held against.
func TestIdenticalAnswers(t *testing.T) {
	var a, e strings.Builder
	a.WriteString(answersHeader)
	e.WriteString(`{"schema":"hallmark-embeddings/v1","embedder":"m","dimensions":1}` + "\n")
	for node := range 2 {
		for q := range 20 {
			for r := range 10 {
				id := fmt.Sprintf(`{"node":"n%d","question":"q%d","repeat":%d,`, node, q, r)
				a.WriteString(id + `"text":"x"}` + "\n")
				e.WriteString(id + `"embedding":[1]}` + "\n")
			}
		}
	}
	got := evaluate(t, a.String(), e.String(), Options{References: []string{"n0"}})
	for _, m := range []string{"embedding-score", "energy-distance"} {
		r := got["e/n1/"+m+"/general"]
		if r.Decision != stats.NotEvaluable || r.Reason == "" {
			t.Errorf("%s: %s (%s)", m, r.Decision, r.Reason)
		}
		for _, s := range r.Stats {
			if s.Value != nil && (math.IsNaN(*s.Value) || math.IsInf(*s.Value, 0)) {
				t.Errorf("%s is %v", s.Name, *s.Value)
			}
		}
	}
}

// TestReasonsNameNoReferenceWhereThereIsNone: people would look for it.
func TestReasonsNameNoReferenceWhereThereIsNone(t *testing.T) {
	for _, tc := range []struct {
		n    int
		want string
	}{{1, "the nodes answered no question twice"}, {2, "all answers of the nodes"}} {
		var a, e strings.Builder
		a.WriteString(answersHeader)
		e.WriteString(`{"schema":"hallmark-embeddings/v1","embedder":"m","dimensions":1}` + "\n")
		for r := range tc.n {
			fmt.Fprintf(&a, `{"node":"n0","question":"q","repeat":%d,"text":"x"}`+"\n", r)
			fmt.Fprintf(&e, `{"node":"n0","question":"q","repeat":%d,"embedding":[1]}`+"\n", r)
		}
		got := evaluate(t, a.String(), e.String(), Options{})["e/n0/embedding-score/general"]
		if !strings.Contains(got.Reason, tc.want) {
			t.Errorf("%q, want %q", got.Reason, tc.want)
		}
		for _, s := range got.Stats {
			if strings.Contains(s.NotEvaluable, "reference") {
				t.Errorf("%s: %s", s.Name, s.NotEvaluable)
			}
		}
	}
	isUnable(t, "no question in common", func() error {
		c, err := Middle([][]Moments{All([]Cell{{{1, 2}, {3, 4}}, nil})})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.Score(All([]Cell{nil, {{1, 2}}}))
		if strings.Contains(err.Error(), "reference") {
			t.Error(err)
		}
		return err
	}())
}

// TestEnergyWithoutReferenceIsNotRun: it is said, with no number, and held against nobody.
func TestEnergyWithoutReferenceIsNotRun(t *testing.T) {
	a, e := collection(t, 7, 20, 10, "general", []float64{0, 0})
	r := evaluate(t, a, e, Options{})["e/n00/energy-distance/general"]
	if r == nil || r.Decision != stats.NotRun || !strings.Contains(r.Reason, "--reference") || len(r.Stats) != 0 || r.PValue != nil || r.Reference.Kind != stats.None {
		t.Errorf("%+v", r)
	}
}

// TestSilentNodeHasRecords: absence is said aloud.
func TestSilentNodeHasRecords(t *testing.T) {
	a, e := collection(t, 5, 20, 10, "general", []float64{0, 0})
	a = strings.Replace(a, `"epoch":{"id":"e"}`, `"epoch":{"id":"e"},"nodes":{"n00":{},"silent":{"endpoint":"https://x.example"}}`, 1)
	got := evaluate(t, a, e, Options{References: []string{"n00"}})
	for _, m := range []string{"embedding-score/general", "energy-distance/general", "latency", "http-outcomes"} {
		r := got["e/silent/"+m]
		if r == nil || r.Decision != stats.NotEvaluable || r.Reason == "" || r.Subject.Endpoint != "https://x.example" {
			t.Errorf("%s: %+v", m, r)
		}
	}
}

func TestServiceFlags(t *testing.T) {
	var a strings.Builder
	a.WriteString(answersHeader)
	for r := range 100 {
		fmt.Fprintf(&a, `{"node":"ref","question":"q","repeat":%d,"text":"x","ttft_ms":%d,"total_ms":%d,"tokens":11}`+"\n", r, 100+r%7, 300+r%5)
		fmt.Fprintf(&a, `{"node":"slow","question":"q","repeat":%d,"text":"x","ttft_ms":%d,"total_ms":%d,"tokens":11}`+"\n", r, 180+r%7, 400+r%5)
		what := `"text":"x","ttft_ms":100,"total_ms":300,"tokens":11`
		switch {
		case r%5 == 0:
			what = `"timeout":true`
		case r%5 == 1:
			what = `"status":503`
		case r == 2:
			what = `"status":404`
		}
		fmt.Fprintf(&a, `{"node":"bad","question":"q","repeat":%d,%s}`+"\n", r, what)
	}
	in, err := ParseAnswers("a", []byte(a.String()))
	if err != nil {
		t.Fatal(err)
	}
	results, err := Evaluate(in, nil, Options{References: []string{"ref"}})
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]string{}
	for _, r := range results {
		flags[r.Subject.NodeID] += fmt.Sprint(r.Flags)
		if (r.Method.Name == stats.EmbeddingScore || r.Method.Name == stats.EnergyDistance) && r.Decision != stats.NotRun {
			t.Errorf("%s without embeddings: %s", r.ID, r.Decision)
		}
	}
	for node, want := range map[string]string{"ref": "[][][][]", "slow": "[][][slow][]", "bad": "[][][][timeout error_500]"} {
		if flags[node] != want {
			t.Errorf("%s: flags %s, want %s", node, flags[node], want)
		}
	}
}

// TestOrderOfLinesChangesNothing but the digest of the files.
func TestOrderOfLinesChangesNothing(t *testing.T) {
	a, e := collection(t, 6, 20, 6, "general", []float64{0, .2, .1})
	shuffled := func(s string) string {
		l := strings.SplitAfter(s, "\n")
		rand.New(rand.NewPCG(9, 9)).Shuffle(len(l)-2, func(i, j int) { l[i+1], l[j+1] = l[j+1], l[i+1] })
		return strings.Join(l, "")
	}
	o := Options{References: []string{"n00"}, Seed: 7}
	one, two := evaluate(t, a, e, o), evaluate(t, shuffled(a), shuffled(e), o)
	for id, r := range one {
		other := two[id]
		r.RawDigest, other.RawDigest = "", ""
		x, _ := stats.Marshal(r)
		y, _ := stats.Marshal(other)
		if !bytes.Equal(x, y) {
			t.Errorf("%s:\n%s\n%s", id, x, y)
		}
	}
}
