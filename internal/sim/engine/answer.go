package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Manner is how the simulated engine answers questions. Its "model" draws words, one after another, from a distribution that
// seed and question decide: two engines of one seed differ by chance alone, and of two seeds as two models do.
type Manner struct {
	Seed     uint64
	First    time.Duration // before the first token
	PerToken time.Duration
	Canned   bool // one answer to each question, whatever comes before it
}

// Words is the size of the vocabulary.
const Words = 96

const (
	maxTokens  = 4096 // of one answer
	maxRequest = 64 << 10
	burst      = 8 // tokens of one event
)

// Word is a word of the vocabulary.
func Word(i int) string { return fmt.Sprintf("w%02d", i) }

type request struct {
	Messages []struct {
		Content string `json:"content"`
	} `json:"messages"`
	MaxTokens int `json:"max_tokens"`
}

// complete answers POST /v1/chat/completions as a stream of events, as OpenAI-compatible engines do. What stands before the last line of the
// question makes a prompt new, and is no part of what is asked.
func (m Manner) complete(w http.ResponseWriter, r *http.Request) {
	var q request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&q); err != nil || len(q.Messages) == 0 || q.MaxTokens < 1 || q.MaxTokens > maxTokens {
		http.Error(w, "want messages and max_tokens", http.StatusBadRequest)
		return
	}
	prompt := q.Messages[len(q.Messages)-1].Content
	question := prompt[strings.LastIndex(prompt, "\n")+1:]
	draw := prompt
	if m.Canned {
		draw = question
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	next := m.tokens(question, draw)
	time.Sleep(m.First)
	for left := q.MaxTokens; left > 0; left -= burst {
		n := min(left, burst)
		var text strings.Builder
		for range n {
			text.WriteString(next() + " ")
		}
		time.Sleep(time.Duration(n) * m.PerToken)
		event, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]string{"content": text.String()}}}})
		if _, err := fmt.Fprintf(w, "data: %s\n\n", event); err != nil || flush.Flush() != nil {
			return
		}
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// tokens draws words: the distribution follows from seed and question, the draws from what was sent.
func (m Manner) tokens(question, draw string) func() string {
	shape := rand.New(rand.NewPCG(m.Seed, hash(question)))
	var sums [Words]float64
	total := 0.0
	for i := range sums {
		total += math.Exp(1.5 * shape.NormFloat64())
		sums[i] = total
	}
	r := rand.New(rand.NewPCG(hash(draw), m.Seed))
	return func() string {
		at := r.Float64() * total
		for i, s := range sums {
			if at < s {
				return Word(i)
			}
		}
		return Word(Words - 1)
	}
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return binary.BigEndian.Uint64(h.Sum(nil))
}
