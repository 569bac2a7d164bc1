package domain

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/stats/compute"
)

// What is asked.
const (
	questions   = 20
	answerWords = 64
	workers     = 4                      // questions at once to one node
	pace        = 220 * time.Millisecond // longer than an honest answer takes: fast nodes get no more questions, so that their GPUs have as much to do
	maxAnswer   = 1 << 20
)

// poll is one epoch of asking one node.
type poll struct {
	node, url string
	client    *http.Client
	least     int           // answers to each question
	lasts     time.Duration // go on for so long, however many that are
	pace      time.Duration // of one worker: time between the beginnings of two questions
}

// ask asks until each question has its answers and the time is over.
func (p poll) ask(ctx context.Context) ([]compute.Answer, error) {
	end := time.Now().Add(p.lasts)
	var mu sync.Mutex
	var out []compute.Answer
	var failed error
	next := 0
	take := func() (question, repeat int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		question, repeat = next%questions, next/questions
		if failed != nil || repeat > compute.MaxRepeat || repeat >= p.least && time.Now().After(end) {
			return 0, 0, false
		}
		next++
		return question, repeat, true
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				q, repeat, ok := take()
				if !ok {
					return
				}
				begin := time.Now()
				x, err := p.one(ctx, fmt.Sprintf("q%02d", q), repeat)
				mu.Lock()
				if err != nil {
					failed = err
				}
				out = append(out, x)
				mu.Unlock()
				select {
				case <-time.After(p.pace - time.Since(begin)):
				case <-ctx.Done():
				}
			}
		})
	}
	all.Wait()
	return out, failed
}

// one asks one question, behind what nobody has seen before, and times the stream: to the first token and to the last byte.
// An engine that fails is an answer too; what cannot be asked at all is an error.
func (p poll) one(ctx context.Context, question string, repeat int) (compute.Answer, error) {
	x := compute.Answer{Node: p.node, Question: question, Repeat: repeat, Set: "general"}
	body, err := json.Marshal(map[string]any{"model": modelName, "max_tokens": answerWords, "temperature": 0.7, "stream": true,
		"messages": []any{map[string]string{"role": "user", "content": rand.Text() + "\n" + question}}})
	if err != nil {
		return x, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return x, err
	}
	req.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	r, err := p.client.Do(req)
	if err != nil {
		x.Error = "no answer"
		return x, ctx.Err()
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		x.Status = r.StatusCode
		return x, nil
	}
	var text strings.Builder
	lines := bufio.NewScanner(io.LimitReader(r.Body, maxAnswer))
	for lines.Scan() {
		data, is := strings.CutPrefix(lines.Text(), "data: ")
		var e struct {
			Choices []struct {
				Delta struct {
					Content string `json:"content"`
				} `json:"delta"`
			} `json:"choices"`
		}
		if !is || data == "[DONE]" || json.Unmarshal([]byte(data), &e) != nil || len(e.Choices) == 0 {
			continue
		}
		if x.TTFT == 0 {
			x.TTFT = millis(begin)
		}
		text.WriteString(e.Choices[0].Delta.Content)
	}
	if lines.Err() != nil || text.Len() == 0 {
		x.Error, x.TTFT = "a stream that ended", 0
		return x, ctx.Err()
	}
	x.Total = millis(begin)
	s := text.String()
	x.Text, x.Tokens = &s, len(strings.Fields(s))
	return x, nil
}

func millis(since time.Time) float64 {
	return max(float64(time.Since(since))/1e6, compute.MinTime)
}

// embedder is the validator's: it counts words. Two answers of one model differ by chance, of two models by their words.
const embedder = "demo-word-counts"

func embed(text string) []float64 {
	at := map[string]int{}
	for i := range engine.Words {
		at[engine.Word(i)] = i
	}
	v := make([]float64, engine.Words)
	for _, w := range strings.Fields(text) {
		if i, known := at[w]; known {
			v[i]++
		}
	}
	norm := 0.0
	for _, x := range v {
		norm += x * x
	}
	for i := range v {
		v[i] /= math.Sqrt(max(norm, 1))
	}
	return v
}
