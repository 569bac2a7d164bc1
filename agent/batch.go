package agent

import (
	"context"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/merkle"
)

// BatchOptions bound batching. The zero value means the defaults.
type BatchOptions struct {
	Cap   int           // challenges under one root; default and most attest.MaxBatch; 1 turns batching off
	Queue int           // challenges waiting; default 2 x attest.MaxBatch
	Share int           // of them by one key; default a quarter of the connections a node has
	Wait  time.Duration // most that a quote is delayed after the one before; default 25 ms
}

func (o BatchOptions) withDefaults() BatchOptions {
	if o.Cap <= 0 || o.Cap > attest.MaxBatch {
		o.Cap = attest.MaxBatch
	}
	if o.Queue <= 0 {
		o.Queue = 2 * attest.MaxBatch
	}
	if o.Share <= 0 {
		o.Share = maxConnections / 4
	}
	if o.Wait <= 0 {
		o.Wait = 25 * time.Millisecond
	}
	return o
}

// batcher answers many challenges with one piece of evidence: whoever arrives
// while a quote runs is in the next batch. One evidence is made at a time.
type batcher struct {
	options  BatchOptions
	evidence func(context.Context, attest.Digest, attest.Class) ([]byte, error)
	observe  func(size int, took time.Duration, err error)
	pace     pace

	mu    sync.Mutex
	queue *queue
	// missing is how many more must arrive before wake is told; zero and less: each arrival tells.
	missing int
	stopped bool
	wake    chan struct{}
}

func newBatcher(o BatchOptions, evidence func(context.Context, attest.Digest, attest.Class) ([]byte, error), observe func(int, time.Duration, error)) *batcher {
	o = o.withDefaults()
	return &batcher{options: o, evidence: evidence, observe: observe, pace: pace{most: o.Wait, shortest: shortestWait}, queue: newQueue(o.Queue, o.Share), wake: make(chan struct{}, 1)}
}

// submit queues one challenge and waits for its response or for ctx.
func (b *batcher) submit(ctx context.Context, class attest.Class, leaf attest.Digest, answer []byte, key attest.Digest, listed bool) (*attest.Response, error) {
	q := &queued{ctx: ctx, class: class, leaf: leaf, answer: answer, out: make(chan batchResult, 1)}
	if listed {
		q.key = key
	}
	if err := b.enqueue(q); err != nil {
		return nil, err
	}
	select {
	case r := <-q.out:
		return r.response, r.err
	case <-ctx.Done():
		b.mu.Lock()
		b.queue.remove(q)
		b.mu.Unlock()
		return nil, refuse(attest.ProblemTimeout, "no evidence before the challenge's end of life")
	}
}

func (b *batcher) enqueue(q *queued) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return refuse(attest.ProblemStopping, "the agent is shutting down")
	}
	if err := b.queue.add(q); err != nil {
		return err
	}
	if b.missing--; b.missing > 0 {
		return nil
	}
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return nil
}

// run makes evidence until ctx ends, then fails who still waits.
//
// Over a slow TPM those who were just answered are waited for, so that a crowd
// stays together. Over a fast one the next quote begins first, with who is there, and
// the answers of the one before go out while the TPM signs: encrypting and sending
// them takes as long as a fast quote. So a crowd is two halves that take turns, and
// the half to wait for is the one that was answered while the other's quote ran.
func (b *batcher) run(ctx context.Context) {
	last := attest.ClassDevice
	var done, sent *answers // of the quote that ended last, and what went out while it ran
	for {
		if wait, slow := b.pace.wait(); slow {
			b.expect(done.crowd())
			done.handOut() // only now, for some are back at once
			b.await(ctx, wait)
		} else {
			b.expectBack(sent.crowd())
			b.await(ctx, wait)
		}
		class, batch := b.freeze(last)
		if batch == nil {
			done.handOut()
			done, sent = nil, nil
			select {
			case <-b.wake:
				continue
			case <-ctx.Done():
				b.failAll()
				return
			}
		}
		last, sent = class, done
		done = b.commit(withQuoting(ctx, sent.handOut), class, batch)
		sent.handOut() // where no quote was begun
	}
}

// freeze takes the next batch: of the class that was not served last, where both wait.
func (b *batcher) freeze(last attest.Class) (attest.Class, []*queued) {
	b.mu.Lock()
	defer b.mu.Unlock()
	order := []attest.Class{attest.ClassFast, attest.ClassDevice}
	if last == attest.ClassFast {
		order[0], order[1] = order[1], order[0]
	}
	for _, class := range order {
		if batch := b.queue.take(class, b.options.Cap); len(batch) > 0 {
			return class, batch
		}
	}
	return last, nil
}

// commit makes one piece of evidence over the batch.
func (b *batcher) commit(ctx context.Context, class attest.Class, batch []*queued) *answers {
	leaves := make([]attest.Digest, len(batch))
	for i, q := range batch {
		leaves[i] = q.leaf
	}
	a := &answers{batch: batch}
	var tree attest.Digest
	tree, a.paths = merkle.Tree(leaves)
	start := time.Now()
	a.evidence, a.err = b.evidence(ctx, attest.BatchRoot(uint32(len(batch)), tree), class)
	took := time.Since(start)
	b.pace.quoted(took)
	b.observe(len(batch), took, a.err)
	return a
}

// await waits until as many have come as are expected, but no longer than that.
func (b *batcher) await(ctx context.Context, most time.Duration) {
	if b.stillMissing() <= 0 {
		return
	}
	t := time.NewTimer(most)
	defer t.Stop()
	for b.stillMissing() > 0 {
		select {
		case <-b.wake:
			continue
		case <-t.C:
		case <-ctx.Done():
		}
		break
	}
	b.expect(0) // from now on each arrival tells
}

// expect sets how many more must arrive before wake is told. There is no use in more than fit under one root.
func (b *batcher) expect(more int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing = min(more, b.options.Cap-b.queue.count)
}

// expectBack expects so many in all, with those who are back already. While nobody is, nothing is
// expected, for there is no quote to begin, and answers that wait for its beginning would wait in vain.
func (b *batcher) expectBack(all int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing = 0
	if b.queue.count > 0 {
		b.missing = min(all, b.options.Cap) - b.queue.count
	}
}

func (b *batcher) stillMissing() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.missing
}

func (b *batcher) failAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	for _, q := range b.queue.drain() {
		q.out <- batchResult{err: refuse(attest.ProblemStopping, "the agent is shutting down")}
	}
}
