package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/stats/compute"
)

const (
	embedBatch   = 64
	embedTimeout = 2 * time.Minute
	maxEmbedding = 64 << 20 // one answer of the endpoint
)

// embedder asks an OpenAI-compatible endpoint for embeddings.
type embedder struct {
	url, model, key string
	client          *http.Client
}

// fetchEmbeddings embeds every answer that has a text and returns a file of embeddings.
func fetchEmbeddings(ctx context.Context, base, model string, answers *compute.Answers) ([]byte, error) {
	u, err := embedURL(ctx, base, answers.Header.Nodes)
	if err != nil {
		return nil, err
	}
	e := &embedder{url: u, model: model, key: os.Getenv("HALLMARK_EMBED_KEY"), client: &http.Client{
		Timeout:       embedTimeout, // a redirect could lead to a node
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var texts []compute.Answer
	for _, x := range answers.All {
		if x.Text != nil {
			texts = append(texts, x)
		}
	}
	var vectors []compute.Vector
	tell := embedProgress()
	for len(vectors) < len(texts) {
		part := texts[len(vectors):min(len(vectors)+embedBatch, len(texts))]
		got, err := e.embed(ctx, part)
		if err != nil {
			return nil, fmt.Errorf("embed %s, answers %d to %d: %w", u, len(vectors)+1, len(vectors)+len(part), err)
		}
		for i, x := range part {
			vectors = append(vectors, compute.Vector{Node: x.Node, Question: x.Question, Repeat: x.Repeat, Embedding: got[i]})
		}
		tell(len(vectors), len(texts))
	}
	if len(vectors) == 0 {
		return nil, errors.New("no answer has a text to embed")
	}
	return embeddingsFile(model, vectors)
}

// embed returns one vector for each answer, in order.
func (e *embedder) embed(ctx context.Context, part []compute.Answer) ([][]float64, error) {
	input := make([]string, len(part))
	for i, x := range part {
		if input[i] = *x.Text; input[i] == "" {
			input[i] = " " // endpoints refuse the empty text; an empty answer is an answer
		}
	}
	body, err := json.Marshal(map[string]any{"model": e.model, "input": input, "encoding_format": "float"})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if e.key != "" {
		req.Header.Set("Authorization", "Bearer "+e.key)
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxEmbedding+1))
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s; is --embed-model the name of an embedding model there?", resp.Status, attest.Clean(string(b[:min(len(b), 200)])))
	case len(b) > maxEmbedding:
		return nil, fmt.Errorf("more than %d bytes", maxEmbedding)
	}
	return parseEmbedding(b, len(part))
}

func parseEmbedding(b []byte, want int) ([][]float64, error) {
	var answer struct {
		Data []struct {
			Index     int       `json:"index"`
			Embedding []float64 `json:"embedding"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return nil, fmt.Errorf("not the answer of an OpenAI-compatible endpoint: %w", err)
	}
	out := make([][]float64, want)
	for _, d := range answer.Data {
		if d.Index < 0 || d.Index >= want || out[d.Index] != nil || len(d.Embedding) == 0 {
			return nil, fmt.Errorf("embedding %d stands twice, is empty or was not asked for", d.Index)
		}
		out[d.Index] = d.Embedding
	}
	if len(answer.Data) != want {
		return nil, fmt.Errorf("%d embeddings of %d texts", len(answer.Data), want)
	}
	return out, nil
}

func embeddingsFile(model string, vectors []compute.Vector) ([]byte, error) {
	normalised := true
	for _, v := range vectors {
		var s float64
		for _, x := range v.Embedding {
			s += x * x
		}
		normalised = normalised && math.Abs(math.Sqrt(s)-1) <= 1e-3
	}
	var file bytes.Buffer
	enc := json.NewEncoder(&file)
	if err := enc.Encode(compute.EmbeddingsHeader{Schema: compute.EmbeddingsSchema, Embedder: model, Dimensions: len(vectors[0].Embedding), Normalised: normalised}); err != nil {
		return nil, err
	}
	for _, v := range vectors {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return file.Bytes(), nil
}
