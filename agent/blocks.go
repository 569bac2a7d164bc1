package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// BlockProver proves the blocks of weights that a nonce picks, one answer for each
// request; package engine's collector is one.
type BlockProver func(ctx context.Context, nonce attest.Nonce, asked []attest.BlockRequest) []attest.BlockAnswer

// Limits of proofs. An answer with the most blocks of the largest file there may
// be (5 levels) is 786 KiB; it must fit into a frame of the link and into an answer.
const (
	maxParts      = 900 << 10
	maxBlockPlace = 8 // answers with blocks that are being made or written, of different validators

	// Blocks are contents: 64 of them a minute are 369 MB a day for each listed key.
	provedPerMinute = 2 // challenges that ask for blocks, by key
	provedBurst     = 8
)

// prepareBlocks makes the collector's part of an answer.
func (c *Collector) prepareBlocks(ctx context.Context, p *PrepareParams) *Parts {
	none := func(r attest.Reason, format string, args ...any) *Parts {
		out := &Parts{}
		for _, q := range p.Blocks {
			out.Blocks = append(out.Blocks, attest.NoBlocks(q.Model, r, format, args...))
		}
		return out
	}
	if len(p.Blocks) == 0 {
		return &Parts{}
	}
	if c.o.Blocks == nil {
		return none(attest.NotConfigured, "this node serves no engine")
	}
	out := &Parts{Blocks: c.o.Blocks(ctx, p.Nonce, p.Blocks)}
	if b, err := attest.Marshal(out); err != nil || len(b) > maxParts {
		return none(attest.Oversize, "proofs of %d bytes, limit %d (%v)", len(b), maxParts, err)
	}
	if err := errors.Join(attest.CheckBlockAnswers(out.Blocks), answersAll(p.Blocks, out.Blocks)); err != nil {
		return none(attest.Failed, "own check: %s", attest.Clean(err.Error()))
	}
	return out
}

// answersAll holds answers to their requests: a node that leaves one out accuses itself.
func answersAll(asked []attest.BlockRequest, given []attest.BlockAnswer) error {
	if !slices.EqualFunc(asked, given, func(r attest.BlockRequest, a attest.BlockAnswer) bool {
		return r.Model == a.Model && (a.Absent != nil || len(a.Proofs) == int(r.Count))
	}) {
		return fmt.Errorf("%d models asked, others answered", len(asked))
	}
	return nil
}

// blocks has the collector prove what a challenge asks. Weights are somebody's
// property and proofs cost reads, so only listed validators get them, one answer at a
// time; it is held in memory until written is called.
func (f *Frontend) blocks(ctx context.Context, c *attest.Challenge, a *admission) (out []attest.BlockAnswer, written func(), err error) {
	if len(c.Blocks) == 0 {
		return nil, func() {}, nil
	}
	if !a.listed {
		for _, r := range c.Blocks {
			out = append(out, attest.NoBlocks(r.Model, attest.NotPermitted, "blocks are proved to listed validators alone"))
		}
		return out, func() {}, nil
	}
	if _, wait := f.proved.take(a.key, f.now()); wait > 0 {
		return nil, nil, &Refusal{Name: attest.ProblemRate, Detail: fmt.Sprintf("blocks of weights are proved %d times a minute to one key", provedPerMinute), Retry: wait}
	}
	give, err := f.blockPlaces.take(ctx, a.key)
	if err != nil {
		return nil, nil, refuse(attest.ProblemTimeout, "blocks were not read before the challenge's end of life")
	}
	parts, err := f.half.Prepare(ctx, &PrepareParams{Nonce: c.Nonce, Blocks: c.Blocks})
	if err != nil {
		give()
		return nil, nil, err
	}
	return parts.Blocks, give, nil
}
