package compute

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/floats"

	"github.com/hallmark-attest/hallmark/stats"
)

// EmbeddingsSchema stands in the first line of a file of embeddings.
const EmbeddingsSchema = "hallmark-embeddings/v1"

// EmbeddingsHeader is the first line of a file of embeddings.
type EmbeddingsHeader struct {
	Schema     string `json:"schema"`
	Embedder   string `json:"embedder"`
	Digest     string `json:"digest,omitempty"`
	Dimensions int    `json:"dimensions"`
	Normalised bool   `json:"normalised,omitempty"`
}

// Vector is one embedded answer.
type Vector struct {
	Node      string    `json:"node"`
	Question  string    `json:"question"`
	Repeat    int       `json:"repeat"`
	Embedding []float64 `json:"embedding"`
}

// Embeddings is a file of embeddings, checked.
type Embeddings struct {
	Header EmbeddingsHeader
	By     map[Key][]float64
	Digest [32]byte
}

// ParseEmbeddings reads embeddings (JSON Lines); errors name the line and the fix.
func ParseEmbeddings(file string, b []byte) (*Embeddings, error) {
	e := &Embeddings{By: map[Key][]float64{}, Digest: sha256.Sum256(b)}
	first := true
	for n, line := range lines(b) {
		if first {
			if err := e.header(line); err != nil {
				return nil, atLine(file, n, err)
			}
			first = false
			continue
		}
		var v Vector
		err := decodeLine(line, &v)
		if err == nil {
			err = e.add(&v)
		}
		if err != nil {
			return nil, atLine(file, n, err)
		}
	}
	if len(e.By) == 0 {
		return nil, fmt.Errorf("%s: no embeddings: want a header line, then one line for each answer", file)
	}
	return e, nil
}

func (e *Embeddings) header(line []byte) error {
	h := &e.Header
	if err := decodeLine(line, h); err != nil {
		return err
	}
	switch {
	case h.Schema != EmbeddingsSchema:
		return fmt.Errorf(`schema %.40q: begin the file with {"schema":%q,"embedder":"…","dimensions":…}`, h.Schema, EmbeddingsSchema)
	case h.Dimensions < 1 || h.Dimensions > MaxDims:
		return fmt.Errorf("dimensions %d: want 1 to %d", h.Dimensions, MaxDims)
	}
	return errors.Join(stats.CheckText("embedder", h.Embedder, stats.MaxText), stats.CheckDigest("digest", h.Digest))
}

func (e *Embeddings) add(v *Vector) error {
	k := Key{v.Node, v.Question, v.Repeat}
	if _, twice := e.By[k]; twice {
		return fmt.Errorf("node %q, question %q, repeat %d stands twice", v.Node, v.Question, v.Repeat)
	}
	if len(v.Embedding) != e.Header.Dimensions {
		return fmt.Errorf("%d values, the header says %d dimensions: one embedder for all answers", len(v.Embedding), e.Header.Dimensions)
	}
	if norm := floats.Norm(v.Embedding, math.Inf(1)); norm > MaxValue {
		return fmt.Errorf("value %.3g: beyond %.0g, where squares lose their digits", norm, MaxValue)
	}
	norm := floats.Norm(v.Embedding, 2)
	if e.Header.Normalised && math.Abs(norm-1) > 1e-3 {
		return fmt.Errorf(`norm %.4f: divide by it, or leave "normalised" out of the header`, norm)
	}
	e.By[k] = v.Embedding
	return nil
}

// Cover checks that each answer with a text has its embedding, and no embedding lacks an answer.
func (e *Embeddings) Cover(a *Answers) error {
	texts := 0
	for _, x := range a.All {
		if x.Text == nil {
			continue
		}
		texts++
		if _, ok := e.By[Key{x.Node, x.Question, x.Repeat}]; !ok {
			return fmt.Errorf("no embedding of node %q, question %q, repeat %d: embed every answer that has a text", x.Node, x.Question, x.Repeat)
		}
	}
	if texts != len(e.By) {
		return fmt.Errorf("%d embeddings of %d answers with a text: the files are not of one collection", len(e.By), texts)
	}
	return nil
}

func compareAnswers(a, b Answer) int {
	return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Question, b.Question), cmp.Compare(a.Repeat, b.Repeat))
}
