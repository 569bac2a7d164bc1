package compute

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/stats"
)

const answersHeader = `{"schema":"hallmark-answers/v1","epoch":{"id":"e"}}` + "\n"

func TestParseAnswersNamesLineAndFix(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "no answers"},
		{"header alone", answersHeader, "no answers"},
		{"no header", `{"node":"n","question":"q","repeat":0,"text":"x"}`, "line 1: unknown field"},
		{"schema", `{"schema":"x","epoch":{"id":"e"}}`, "begin the file with"},
		{"no epoch", `{"schema":"hallmark-answers/v1","epoch":{}}`, "epoch.id: missing"},
		{"twice in the header", `{"schema":"hallmark-answers/v1","epoch":{"id":"e","id":"f"}}`, "line 1: member \"id\" stands twice"},
		{"no JSON", answersHeader + "\n{\n", "line 3"},
		{"unknown", answersHeader + `{"node":"n","q":1}`, `line 2: unknown field "q"`},
		{"capitals", answersHeader + `{"Node":"n","question":"q","repeat":0,"text":"x"}`, "lower case"},
		{"null", answersHeader + `{"node":null,"question":"q","repeat":0,"text":"x"}`, "leave it out"},
		{"type", answersHeader + `{"node":7,"question":"q","repeat":0,"text":"x"}`, `member "node": a JSON number`},
		{"no outcome", answersHeader + `{"node":"n","question":"q","repeat":0}`, "0 outcomes"},
		{"two outcomes", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","timeout":true}`, "2 outcomes"},
		{"no node", answersHeader + `{"question":"q","repeat":0,"text":""}`, "node: missing"},
		{"set", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","set":"x"}`, "want general or knowledge"},
		{"times", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","ttft_ms":5,"total_ms":4}`, "ttft_ms <= total_ms"},
		{"negative time", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","ttft_ms":-1}`, "0 <= ttft_ms"},
		{"time without end", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","ttft_ms":1,"total_ms":1e308}`, "total_ms <= 86400000"},
		{"time without length", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","ttft_ms":1e-320,"total_ms":2e-320}`, "want 0.001 or more"},
		{"tokens", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","tokens":16777217}`, "tokens 16777217, of the prompt 0: want 0 to 16777216"},
		{"negative tokens", answersHeader + `{"node":"n","question":"q","repeat":0,"text":"","tokens":-1}`, "tokens -1"},
		{"repeat", answersHeader + `{"node":"n","question":"q","repeat":9999,"text":""}`, "want 0 to 1023"},
		{"twice", answersHeader + strings.Repeat(`{"node":"n","question":"q","repeat":0,"text":""}`+"\n", 2), "stands in line 2 already"},
		{"two sets", answersHeader + `{"node":"n","question":"q","repeat":0,"text":""}` + "\n" + `{"node":"n","question":"q","repeat":1,"text":"","set":"knowledge"}`, "questions of its own"},
		{"behind", answersHeader + `{"node":"n","question":"q","repeat":0,"text":""} {}`, "behind"},
		{"hidden character", answersHeader + `{"node":"n\u202e","question":"q","repeat":0,"text":""}`, "not printable"},
	} {
		if _, err := ParseAnswers("a.jsonl", []byte(tc.file)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestParseEmbeddingsNamesLineAndFix(t *testing.T) {
	const header = `{"schema":"hallmark-embeddings/v1","embedder":"m","dimensions":2,"normalised":true}` + "\n"
	for _, tc := range []struct{ name, file, want string }{
		{"empty", "", "no embeddings"},
		{"schema", `{"schema":"hallmark-embeddings/v2","embedder":"m","dimensions":2}`, "begin the file with"},
		{"no embedder", `{"schema":"hallmark-embeddings/v1","dimensions":2}`, "embedder: missing"},
		{"no dimensions", `{"schema":"hallmark-embeddings/v1","embedder":"m"}`, "dimensions 0"},
		{"short", header + `{"node":"n","question":"q","repeat":0,"embedding":[1]}`, "line 2: 1 values"},
		{"norm", header + `{"node":"n","question":"q","repeat":0,"embedding":[1,1]}`, "norm 1.4142"},
		{"NaN", header + `{"node":"n","question":"q","repeat":0,"embedding":[NaN,1]}`, "line 2"},
		{"twice", header + strings.Repeat(`{"node":"n","question":"q","repeat":0,"embedding":[1,0]}`+"\n", 2), "line 3"},
		{"large", strings.Replace(header, `,"normalised":true`, "", 1) + `{"node":"n","question":"q","repeat":0,"embedding":[1e300,1e300]}`, "beyond 1e+09"},
	} {
		if _, err := ParseEmbeddings("e.jsonl", []byte(tc.file)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestCover(t *testing.T) {
	a, err := ParseAnswers("a", []byte(answersHeader+`{"node":"n","question":"q","repeat":0,"text":"x"}`+"\n"+`{"node":"n","question":"q","repeat":1,"timeout":true}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{`"repeat":0`: "", `"repeat":1`: "no embedding of node", `"repeat":0,"embedding":[1]}` + "\n" + `{"node":"m","question":"q","repeat":0`: "not of one collection"} {
		e, err := ParseEmbeddings("e", []byte(`{"schema":"hallmark-embeddings/v1","embedder":"m","dimensions":1}`+"\n"+`{"node":"n","question":"q",`+key+`,"embedding":[1]}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Cover(a); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", key, err, want)
		}
	}
}

// TestExtremeTimesMakeFiniteRecords: what is read can be written, at both ends of what is allowed.
func TestExtremeTimesMakeFiniteRecords(t *testing.T) {
	var a strings.Builder
	a.WriteString(answersHeader)
	for i, node := range []string{"n", "m"} {
		for r := range 3 {
			fmt.Fprintf(&a, `{"node":%q,"question":"q","repeat":%d,"text":"","ttft_ms":%v,"total_ms":%v,"tokens":%d}`+"\n",
				node, r, MinTime, []float64{math.Nextafter(MinTime, 1), MaxTime}[i], []int{MaxTokens, 2}[i])
		}
	}
	for _, o := range []Options{{}, {References: []string{"n"}}, {References: []string{"m"}}} {
		in, err := ParseAnswers("a", []byte(a.String()))
		if err != nil {
			t.Fatal(err)
		}
		results, err := Evaluate(in, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if _, err := stats.Marshal(r); err != nil {
				t.Errorf("%s: %v", r.ID, err)
			}
		}
	}
}

func FuzzParseAnswers(f *testing.F) {
	f.Add([]byte(answersHeader + `{"node":"n","question":"q","repeat":0,"text":"x","ttft_ms":1,"total_ms":2,"tokens":3}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseAnswers("a", b)
		if err != nil {
			return
		}
		results, err := Evaluate(a, nil, Options{})
		if err != nil {
			t.Fatalf("read, and cannot be evaluated: %v", err)
		}
		for _, r := range results {
			if _, err := stats.Marshal(r); err != nil {
				t.Fatalf("read, and cannot be written: %v", err)
			}
		}
	})
}

func FuzzParseEmbeddings(f *testing.F) {
	f.Add([]byte(`{"schema":"hallmark-embeddings/v1","embedder":"m","dimensions":1}` + "\n" + `{"node":"n","question":"q","repeat":0,"embedding":[1]}`))
	f.Fuzz(func(_ *testing.T, b []byte) { ParseEmbeddings("e", b) })
}
