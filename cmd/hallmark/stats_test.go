package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hallmark-attest/hallmark/stats/compute"
)

// fakeEmbedder is an OpenAI-compatible endpoint: a text is the normalised sum of its words' random vectors.
func fakeEmbedder(dims int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Model string   `json:"model"`
			Input []string `json:"input"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/embeddings" || in.Model != "words" {
			http.Error(w, `{"error":"model not found"}`, http.StatusNotFound)
			return
		}
		type datum struct {
			Index     int       `json:"index"`
			Embedding []float64 `json:"embedding"`
		}
		var out struct {
			Data []datum `json:"data"`
		}
		for i, text := range in.Input {
			out.Data = append([]datum{{i, wordVector(text, dims)}}, out.Data...) // the order is not promised
		}
		json.NewEncoder(w).Encode(out)
	})
}

func wordVector(text string, dims int) []float64 {
	v := make([]float64, dims)
	v[0] = 1e-3 // of the empty text
	for _, word := range strings.Fields(text) {
		h := fnv.New64a()
		h.Write([]byte(word))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		for d := range v {
			v[d] += rng.NormFloat64()
		}
	}
	var n float64
	for _, x := range v {
		n += x * x
	}
	for d := range v {
		v[d] /= math.Sqrt(n)
	}
	return v
}

// startEmbedder sets $EMBED to the address of one.
func startEmbedder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: embedder")
	}
	s := httptest.NewServer(fakeEmbedder(32))
	ts.Defer(s.Close)
	ts.Setenv("EMBED", s.URL)
}

// writeAnswers FILE writes answers of three nodes: ref and same run one model, other another.
func writeAnswers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers FILE")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	fmt.Fprintf(&b, `{"schema":%q,"domain":"d","epoch":{"id":"e1"},"sampling":{"temperature":0.7},"nodes":{"ref":{},"same":{"endpoint":"https://192.0.2.1/v1"},"other":{"endpoint":"https://192.0.2.2/v1"}}}`+"\n", compute.AnswersSchema)
	for _, node := range []string{"ref", "same", "other"} {
		vocabulary := 0
		if node == "other" {
			vocabulary = 6
		}
		for q := range 20 {
			for r := range compute.MinReference {
				var words []string
				for range 10 {
					words = append(words, fmt.Sprintf("w%d-%d", q, vocabulary+rng.IntN(12)))
				}
				fmt.Fprintf(&b, `{"node":%q,"question":"q%02d","repeat":%d,"text":%q,"ttft_ms":%d,"total_ms":%d,"tokens":10}`+"\n",
					node, q, r, strings.Join(words, " "), 100+rng.IntN(20), 400+rng.IntN(20))
			}
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(b.String()), 0o644))
}

func TestEmbedderIsNoNodes(t *testing.T) {
	nodes := map[string]compute.NodeInfo{"n1": {Endpoint: "https://192.0.2.7:8000/v1"}, "n2": {Endpoint: "http://localhost:1/v1"}, "n3": {}}
	for base, want := range map[string]string{
		"https://192.0.2.7:9000/v1":       "host of node n1",
		"http://127.0.0.1:11434/v1":       "host of node n2",
		"http://[::1]:11434/v1":           "host of node n2",
		"ftp://192.0.2.9/":                "want http",
		"192.0.2.9:80":                    "want http",
		"https://192.0.2.9/v1":            "",
		"https://192.0.2.9/v1/embeddings": "",
	} {
		u, err := embedURL(context.Background(), base, nodes)
		switch {
		case want == "" && (err != nil || u != "https://192.0.2.9/v1/embeddings"):
			t.Errorf("%s: %q, %v", base, u, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", base, err, want)
		}
	}
	if _, err := embedURL(context.Background(), "https://192.0.2.9", map[string]compute.NodeInfo{"n": {Endpoint: "192.0.2.9:80"}}); err == nil {
		t.Error("an endpoint that is no URL was passed over")
	}
}

func TestParseEmbeddingRefuses(t *testing.T) {
	for _, b := range []string{``, `[]`, `{}`, `{"data":[{"index":0,"embedding":[1]}]}`, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`,
		`{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}`, `{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]}`} {
		if _, err := parseEmbedding([]byte(b), 2); err == nil {
			t.Errorf("accepted %s", b)
		}
	}
	got, err := parseEmbedding([]byte(`{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}`), 2)
	if err != nil || got[0][0] != 1 || got[1][0] != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestEmbedderLeadsNowhereElse: a redirect could lead to a node.
func TestEmbedderLeadsNowhereElse(t *testing.T) {
	reached := false
	node := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer node.Close()
	s := httptest.NewServer(http.RedirectHandler(node.URL, http.StatusTemporaryRedirect))
	defer s.Close()
	a, err := compute.ParseAnswers("a", []byte(`{"schema":"hallmark-answers/v1","epoch":{"id":"e"}}`+"\n"+`{"node":"n","question":"q","repeat":0,"text":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fetchEmbeddings(context.Background(), s.URL, "m", a); err == nil || reached {
		t.Errorf("%v, node reached: %v", err, reached)
	}
}
