package domain

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/stats/compute"
)

// serving is the URL of an engine that answers in a manner.
func serving(t *testing.T, m engine.Manner) string {
	t.Helper()
	dir := t.TempDir()
	if err := engine.WriteModel(dir, 1, 32); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Serve(ctx, filepath.Join(dir, engine.File), addr, m) }()
	t.Cleanup(func() { cancel(); <-done })
	for range 200 {
		if r, err := http.Get("http://" + addr + "/v1/models"); err == nil {
			r.Body.Close()
			return "http://" + addr + "/v1"
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the engine does not listen")
	return ""
}

func asked(t *testing.T, name, url string, least int) []compute.Answer {
	t.Helper()
	a, err := poll{name, url, http.DefaultClient, least, 0, 0}.ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Answers of one seed are one model's and of two seeds two models', to the statistics that a validator computes.
func TestAnswersAreToldApartByTheirModel(t *testing.T) {
	var all []compute.Answer
	for name, m := range map[string]engine.Manner{replayName: {Seed: 1}, "same": {Seed: 1}, "other": {Seed: 2}, "canned": {Seed: 1, Canned: true}} {
		all = append(all, asked(t, name, serving(t, m), 12)...)
	}
	file, vectors, err := written(compute.Header{Schema: compute.AnswersSchema, Epoch: stats.Epoch{ID: "e"}}, all)
	if err != nil {
		t.Fatal(err)
	}
	a, err := compute.ParseAnswers("a", file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := compute.ParseEmbeddings("e", vectors)
	if err != nil {
		t.Fatal(err)
	}
	results, err := compute.Evaluate(a, e, compute.Options{References: []string{replayName}, Permutations: 19})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, r := range results {
		for _, s := range r.Stats {
			if s.Value != nil && (s.Name == "t" || s.Name == "scatter_ratio") {
				got[r.Subject.NodeID+" "+s.Name] = *s.Value
			}
		}
	}
	if got["same t"] > 1.6 || got["same scatter_ratio"] < .7 || got["other t"] < 5 || got["canned scatter_ratio"] > .05 {
		t.Errorf("%v", got)
	}
}

func TestPollTimesTheStreamAndCountsTokens(t *testing.T) {
	list := asked(t, "n", serving(t, engine.Manner{Seed: 1, First: 30 * time.Millisecond, PerToken: time.Millisecond}), 1)
	if len(list) != questions {
		t.Fatalf("%d answers", len(list))
	}
	for _, x := range list {
		if x.Text == nil || x.Tokens != answerWords || x.TTFT < 30 || x.Total < 30+answerWords || x.Total < x.TTFT {
			t.Fatalf("%+v", x)
		}
	}
	if *list[0].Text == *list[1].Text {
		t.Error("two questions have one answer")
	}
}

func TestFailuresAreAnswersToo(t *testing.T) {
	for name, c := range map[string]struct {
		serve  http.HandlerFunc
		status int
		failed string
	}{
		"500":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 500, ""},
		"no stream":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("data: [DONE]\n\n")) }, 0, "a stream that ended"},
		"other lines": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("data: {\n\n: comment\n\nhello")) }, 0, "a stream that ended"},
		"cut":         {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "no answer"},
		"a long line": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 1<<17))) }, 0, "a stream that ended"},
	} {
		s := httptest.NewServer(c.serve)
		x, err := poll{node: "n", url: s.URL, client: s.Client()}.one(t.Context(), "q00", 0)
		s.Close()
		if err != nil || x.Status != c.status || x.Error != c.failed || x.Text != nil || x.TTFT != 0 {
			t.Errorf("%s: %+v, %v", name, x, err)
		}
	}
}

func TestCastHasEachEndOnce(t *testing.T) {
	names, honest := map[string]bool{}, 0
	for _, p := range Cast() {
		if names[p.Name] || p.Does == "" || p.Hypothesis == "" || p.Tier == "" || (p.Expect == "") != (p.Outcome == "") {
			t.Errorf("%+v", p)
		}
		names[p.Name] = true
		if p.Expect == "" {
			honest++
		}
	}
	if honest < 4 {
		t.Errorf("%d honest nodes: limits are fitted on four", honest)
	}
}
