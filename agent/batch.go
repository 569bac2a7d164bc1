package agent

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
)

// BatchOptions bound batching. The zero value means the defaults.
type BatchOptions struct {
	Cap   int           // challenges under one root; default and most attest.MaxBatch; 1 turns batching off
	Queue int           // challenges waiting; default 2 x attest.MaxBatch
	Wait  time.Duration // most that a quote is delayed after the one before; default 5 ms
}

func (o BatchOptions) withDefaults() BatchOptions {
	if o.Cap <= 0 || o.Cap > attest.MaxBatch {
		o.Cap = attest.MaxBatch
	}
	if o.Queue <= 0 {
		o.Queue = 2 * attest.MaxBatch
	}
	if o.Wait <= 0 {
		o.Wait = 5 * time.Millisecond
	}
	return o
}

// Waiting after a quote: this share of the running median of the last quotes.
// It lets a closed-loop crowd join one batch instead of two (group commit).
const (
	waitPercent   = 4
	medianSamples = 16
)

// queued is one challenge whose own answer is ready.
type queued struct {
	ctx      context.Context
	leaf     attest.Digest
	answer   []byte
	unlisted bool
	out      chan batchResult // of capacity one, so that the batcher never waits for an asker
}

type batchResult struct {
	response *attest.Response
	err      error
}

// batcher answers many challenges with one piece of evidence: whoever arrives
// while a quote runs is in the next batch. One evidence is made at a time.
type batcher struct {
	options  BatchOptions
	evidence func(context.Context, attest.Digest, attest.Class) ([]byte, error)
	observe  func(size int, took time.Duration, err error)

	mu       sync.Mutex
	waiting  map[attest.Class][]*queued
	count    int
	unlisted int
	stopped  bool
	wake     chan struct{}

	took []time.Duration // of the last quotes, oldest first
}

func newBatcher(o BatchOptions, evidence func(context.Context, attest.Digest, attest.Class) ([]byte, error), observe func(int, time.Duration, error)) *batcher {
	return &batcher{options: o.withDefaults(), evidence: evidence, observe: observe,
		waiting: map[attest.Class][]*queued{}, wake: make(chan struct{}, 1)}
}

// submit queues one challenge and waits for its response or for ctx. Unlisted
// keys may fill half of the queue; the rest is kept for listed ones.
func (b *batcher) submit(ctx context.Context, class attest.Class, leaf attest.Digest, answer []byte, listed bool) (*attest.Response, error) {
	q := &queued{ctx: ctx, leaf: leaf, answer: answer, unlisted: !listed, out: make(chan batchResult, 1)}
	if err := b.enqueue(class, q); err != nil {
		return nil, err
	}
	select {
	case r := <-q.out:
		return r.response, r.err
	case <-ctx.Done():
		return nil, refuse(attest.ProblemTimeout, "no evidence before the challenge's end of life")
	}
}

func (b *batcher) enqueue(class attest.Class, q *queued) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return refuse(attest.ProblemStopping, "the agent is shutting down")
	}
	if b.count >= b.options.Queue || (q.unlisted && b.unlisted >= b.options.Queue/2) {
		return &Refusal{Name: attest.ProblemBusy, Detail: "the queue for evidence is full", Retry: 2 * time.Second}
	}
	b.waiting[class] = append(b.waiting[class], q)
	b.count++
	if q.unlisted {
		b.unlisted++
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

// run makes evidence until ctx ends, then fails who still waits.
func (b *batcher) run(ctx context.Context) {
	last := attest.ClassDevice
	for {
		class, batch := b.freeze(last)
		if batch == nil {
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				b.failAll()
				return
			}
		}
		last = class
		start := time.Now()
		b.commit(ctx, class, batch)
		b.pause(ctx, time.Since(start))
	}
}

// freeze takes the next batch: of the class that was not served last, where both wait.
func (b *batcher) freeze(last attest.Class) (attest.Class, []*queued) {
	b.mu.Lock()
	defer b.mu.Unlock()
	order := []attest.Class{attest.ClassFast, attest.ClassDevice}
	if last == attest.ClassFast {
		slices.Reverse(order)
	}
	for _, class := range order {
		for len(b.waiting[class]) > 0 {
			n := min(len(b.waiting[class]), b.options.Cap)
			batch := slices.Clone(b.waiting[class][:n])
			b.waiting[class] = slices.Delete(b.waiting[class], 0, n)
			b.count -= n
			for _, q := range batch {
				if q.unlisted {
					b.unlisted--
				}
			}
			// Who went away before the freeze takes no leaf.
			if batch = slices.DeleteFunc(batch, func(q *queued) bool { return q.ctx.Err() != nil }); len(batch) > 0 {
				return class, batch
			}
		}
	}
	return last, nil
}

// commit makes one piece of evidence over the batch and hands out the responses.
func (b *batcher) commit(ctx context.Context, class attest.Class, batch []*queued) {
	leaves := make([]attest.Digest, len(batch))
	for i, q := range batch {
		leaves[i] = q.leaf
	}
	size := uint32(len(batch))
	tree, paths := merkle.Tree(leaves)
	start := time.Now()
	evidence, err := b.evidence(ctx, attest.BatchRoot(size, tree), class)
	b.observe(len(batch), time.Since(start), err)
	for i, q := range batch {
		if err != nil {
			q.out <- batchResult{err: err}
			continue
		}
		path := paths[i]
		if path == nil {
			path = []attest.Digest{}
		}
		q.out <- batchResult{response: &attest.Response{Evidence: evidence, Answer: q.answer, Size: size, Index: uint32(i),
			Path: path, Logs: map[string]attest.Part{}}}
	}
}

// pause waits after a quote that took so long.
func (b *batcher) pause(ctx context.Context, took time.Duration) {
	b.took = append(b.took, took)
	if len(b.took) > medianSamples {
		b.took = b.took[1:]
	}
	sorted := slices.Sorted(slices.Values(b.took))
	wait := min(b.options.Wait, sorted[len(sorted)/2]*waitPercent/100)
	if wait <= 0 || b.options.Cap == 1 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (b *batcher) failAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for class, list := range b.waiting {
		for _, q := range list {
			q.out <- batchResult{err: refuse(attest.ProblemStopping, "the agent is shutting down")}
		}
		delete(b.waiting, class)
	}
	b.count, b.unlisted, b.stopped = 0, 0, true
}
