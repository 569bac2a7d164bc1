package compute

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hallmark-attest/hallmark/stats"
)

// AnswersSchema stands in the first line of a file of answers.
const AnswersSchema = "hallmark-answers/v1"

// Header is the first line: what holds for all answers.
type Header struct {
	Schema            string              `json:"schema"`
	Domain            string              `json:"domain,omitempty"`
	Epoch             stats.Epoch         `json:"epoch"`
	Sampling          *stats.Sampling     `json:"sampling,omitempty"`
	PromptsCommitment string              `json:"prompts_commitment,omitempty"`
	Nodes             map[string]NodeInfo `json:"nodes,omitempty"` // a node listed here and without answers gets its records too
}

// NodeInfo is what a node says about itself.
type NodeInfo struct {
	Endpoint string `json:"endpoint,omitempty"`
	ModelRef string `json:"model_ref,omitempty"`
}

// Answer is one attempt: exactly one of a text, a time-out, an HTTP status above 299 and another error.
type Answer struct {
	Node     string    `json:"node"`
	Question string    `json:"question"`
	Repeat   int       `json:"repeat"`
	Set      stats.Set `json:"set,omitempty"` // general where left out
	Text     *string   `json:"text,omitempty"`
	Timeout  bool      `json:"timeout,omitempty"`
	Status   int       `json:"status,omitempty"`
	Error    string    `json:"error,omitempty"`
	TTFT     float64   `json:"ttft_ms,omitempty"`  // request sent to first token
	Total    float64   `json:"total_ms,omitempty"` // request sent to last token
	Tokens   int       `json:"tokens,omitempty"`   // of the text, counted by who asked: a node's own count would choose its speed
	// PromptTokens are those of the prompt, counted alike.
	PromptTokens int `json:"prompt_tokens,omitempty"`
}

// Key says which attempt.
type Key struct {
	Node, Question string
	Repeat         int
}

// Answers is a file of answers, checked.
type Answers struct {
	Header    Header
	All       []Answer // by node, question, repeat
	Nodes     []string // sorted
	Questions map[stats.Set][]string
	Digest    [32]byte // SHA-256 of the file
}

// ParseAnswers reads answers (JSON Lines); errors name the line and the fix.
func ParseAnswers(file string, b []byte) (*Answers, error) {
	a := &Answers{Questions: map[stats.Set][]string{}, Digest: sha256.Sum256(b)}
	seen, set, nodes := map[Key]int{}, map[string]stats.Set{}, map[string]bool{}
	first := true
	for n, line := range lines(b) {
		if first {
			if err := a.header(line); err != nil {
				return nil, atLine(file, n, err)
			}
			first = false
			continue
		}
		var x Answer
		if err := x.parse(line); err != nil {
			return nil, atLine(file, n, err)
		}
		k := Key{x.Node, x.Question, x.Repeat}
		if at, twice := seen[k]; twice {
			return nil, atLine(file, n, fmt.Errorf("node %q, question %q, repeat %d stands in line %d already: number the repeats", x.Node, x.Question, x.Repeat, at))
		}
		if s, ok := set[x.Question]; ok && s != x.Set {
			return nil, atLine(file, n, fmt.Errorf("question %q is of set %s here and of %s before: give each set questions of its own", x.Question, x.Set, s))
		}
		seen[k], set[x.Question], nodes[x.Node] = n, x.Set, true
		a.All = append(a.All, x)
		if len(set) > MaxQuestions || len(nodes) > MaxNodes {
			return nil, atLine(file, n, fmt.Errorf("more than %d questions or %d nodes: split the file", MaxQuestions, MaxNodes))
		}
	}
	if len(a.All) == 0 {
		return nil, fmt.Errorf("%s: no answers: want a header line, then one line for each attempt", file)
	}
	for id := range a.Header.Nodes {
		nodes[id] = true
	}
	a.Nodes = slices.Sorted(maps.Keys(nodes))
	for _, q := range slices.Sorted(maps.Keys(set)) {
		a.Questions[set[q]] = append(a.Questions[set[q]], q)
	}
	slices.SortFunc(a.All, compareAnswers)
	return a, nil
}

func (a *Answers) header(line []byte) error {
	h := &a.Header
	if err := decodeLine(line, h); err != nil {
		return err
	}
	if h.Schema != AnswersSchema {
		return fmt.Errorf(`schema %.40q: begin the file with {"schema":%q,"epoch":{"id":"…"}}`, h.Schema, AnswersSchema)
	}
	if err := stats.CheckText("epoch.id", h.Epoch.ID, MaxID); err != nil {
		return err
	}
	if err := h.fits("-", NodeInfo{}); err != nil {
		return err
	}
	for id, n := range h.Nodes {
		if err := errors.Join(stats.CheckText("nodes", id, MaxID), h.fits(id, n)); err != nil {
			return err
		}
	}
	return nil
}

// fits tries whether a record can carry the header, so that the line is named here and not a record later.
func (h *Header) fits(id string, n NodeInfo) error {
	_, err := stats.Marshal(&stats.Result{
		Schema: stats.Schema, ID: "-", Method: stats.Method{Name: stats.LatencyMethod, Version: Version}, Epoch: h.Epoch,
		Subject: stats.Subject{NodeID: id, Domain: h.Domain, ModelRef: n.ModelRef, Endpoint: n.Endpoint}, Reference: stats.Reference{Kind: stats.None},
		Sample: stats.Sample{PromptsCommitment: h.PromptsCommitment, Sampling: h.Sampling}, Decision: stats.Inlier,
	})
	return err
}

func (x *Answer) parse(line []byte) error {
	if err := decodeLine(line, x); err != nil {
		return err
	}
	if x.Set == "" {
		x.Set = stats.General
	}
	outcomes := 0
	for _, is := range []bool{x.Text != nil, x.Timeout, x.Status > 299, x.Error != ""} {
		if is {
			outcomes++
		}
	}
	switch {
	case x.Set != stats.General && x.Set != stats.Knowledge:
		return fmt.Errorf("set %.40q: want general or knowledge", x.Set)
	case x.Repeat < 0 || x.Repeat > MaxRepeat:
		return fmt.Errorf("repeat %d: want 0 to %d", x.Repeat, MaxRepeat)
	case outcomes != 1:
		return fmt.Errorf(`%d outcomes: want exactly one of text, "timeout":true, a status above 299, error`, outcomes)
	case !(x.TTFT >= 0 && x.Total >= x.TTFT && x.Total <= MaxTime):
		return fmt.Errorf("times: want 0 <= ttft_ms <= total_ms <= %d, both from sending the request", MaxTime)
	case x.TTFT > 0 && x.TTFT < MinTime:
		return fmt.Errorf("ttft_ms %v: want %v or more, or leave it out", x.TTFT, MinTime)
	case min(x.Tokens, x.PromptTokens) < 0 || max(x.Tokens, x.PromptTokens) > MaxTokens:
		return fmt.Errorf("tokens %d, of the prompt %d: want 0 to %d", x.Tokens, x.PromptTokens, MaxTokens)
	}
	return errors.Join(stats.CheckText("node", x.Node, MaxID), stats.CheckText("question", x.Question, MaxID), optional("error", x.Error))
}

func optional(what, s string) error {
	if s == "" {
		return nil
	}
	return stats.CheckText(what, s, stats.MaxText)
}
