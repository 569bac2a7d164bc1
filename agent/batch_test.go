package agent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// asked is one piece of evidence that a batcher wants; end lets it have it.
type asked struct {
	ctx context.Context
	end chan error
}

// gatedBatcher runs a batcher whose evidence is made when the test says so.
func gatedBatcher(t *testing.T, o BatchOptions, took time.Duration) (*batcher, chan asked) {
	t.Helper()
	return gate(t, newBatcher(o, nil, func(int, time.Duration, error) {}), took)
}

func gate(t *testing.T, b *batcher, took time.Duration) (*batcher, chan asked) {
	t.Helper()
	wanted := make(chan asked)
	b.evidence = func(ctx context.Context, _ attest.Digest, _ attest.Class) ([]byte, error) {
		a := asked{ctx: ctx, end: make(chan error)}
		wanted <- a
		return []byte("evidence"), <-a.end
	}
	for range medianSamples {
		b.pace.quoted(took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { b.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return b, wanted
}

func enqueue(t *testing.T, b *batcher, n int) []*queued {
	t.Helper()
	var all []*queued
	for i := range n {
		q := asks(t, keyOf(i+1), byte(i))
		if err := b.enqueue(q); err != nil {
			t.Fatal(err)
		}
		all = append(all, q)
	}
	return all
}

// sizeOf waits for an answer and returns the size of its batch.
func sizeOf(t *testing.T, q *queued) uint32 {
	t.Helper()
	r := <-q.out
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.response.Size
}

func TestOverAFastTPMAnswersGoOutWhenTheNextQuoteBegins(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{}, time.Microsecond)
	first := enqueue(t, b, 1)[0]
	one := <-wanted
	second := enqueue(t, b, 3)
	one.end <- nil
	two := <-wanted // the next evidence is under way before anybody was answered
	if len(first.out) != 0 {
		t.Error("answered before the next quote began")
	}
	quoting(two.ctx)
	if len(first.out) != 1 {
		t.Error("not answered though the next quote began")
	}
	two.end <- nil
	if sizeOf(t, first) != 1 || sizeOf(t, second[2]) != 3 {
		t.Error("not the batches that were asked for")
	}
}

func TestAnswersGoOutAlsoWhereTheNextEvidenceFails(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{}, time.Microsecond)
	first := enqueue(t, b, 1)[0]
	one := <-wanted
	second := enqueue(t, b, 1)[0]
	one.end <- nil
	(<-wanted).end <- errors.New("the TPM is gone") // before it began to quote
	if sizeOf(t, first) != 1 {
		t.Error("another size")
	}
	if r := <-second.out; r.err == nil {
		t.Error("answered without evidence")
	}
}

// Where waiting would take an hour, the test ends only if nobody waits in vain.
const anHour = time.Hour

func TestOverASlowTPMThoseJustAnsweredAreWaitedFor(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{Wait: anHour}, waitShare*anHour)
	gate := enqueue(t, b, 1)[0]
	one := <-wanted
	crowd := enqueue(t, b, 5)
	one.end <- nil
	if sizeOf(t, gate) != 1 { // who asks alone is not waited for
		t.Error("another size")
	}
	two := <-wanted
	two.end <- nil
	for _, q := range crowd {
		if n := sizeOf(t, q); n != 5 {
			t.Errorf("a batch of %d, want 5", n)
		}
	}
	back := append(enqueue(t, b, 4), enqueue(t, b, 1)...)
	(<-wanted).end <- nil
	for _, q := range back {
		if n := sizeOf(t, q); n != 5 {
			t.Errorf("a batch of %d, want the crowd of 5 together", n)
		}
	}
}

// Over a fast TPM a crowd is two halves; the one that comes back while the other is quoted is waited for.
func TestOverAFastTPMTheReturningHalfIsWaitedFor(t *testing.T) {
	fast := newBatcher(BatchOptions{Wait: anHour}, nil, func(int, time.Duration, error) {})
	fast.pace.shortest = 2 * anHour
	b, wanted := gate(t, fast, waitShare*anHour)
	opener := enqueue(t, b, 1)[0]
	one := <-wanted
	first := enqueue(t, b, 3)
	one.end <- nil
	two := <-wanted // of the first half
	second := enqueue(t, b, 4)
	quoting(two.ctx)
	sizeOf(t, opener) // answered alone, so nobody waits for him
	two.end <- nil
	three := <-wanted // of the second half; the first goes out
	quoting(three.ctx)
	for _, q := range first {
		sizeOf(t, q)
	}
	back := enqueue(t, b, 2)
	three.end <- nil
	if len(second[0].out) != 0 {
		t.Error("the second half was answered before the first was complete")
	}
	back = append(back, enqueue(t, b, 1)...)
	four := <-wanted
	quoting(four.ctx)
	four.end <- nil
	for _, q := range append(second, back...) {
		if n, want := sizeOf(t, q), map[bool]uint32{true: 4, false: 3}[slices.Contains(second, q)]; n != want {
			t.Errorf("a batch of %d, want %d", n, want)
		}
	}
}

func TestOneAloneIsNeverWaitedFor(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{Wait: anHour}, waitShare*anHour)
	for range 3 {
		q := enqueue(t, b, 1)[0]
		(<-wanted).end <- nil
		sizeOf(t, q)
	}
}

func TestWithoutBatchingNobodyIsWaitedFor(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{Cap: 1, Wait: anHour}, waitShare*anHour)
	all := enqueue(t, b, 3)
	for _, q := range all {
		(<-wanted).end <- nil
		if sizeOf(t, q) != 1 {
			t.Error("a batch in spite of cap 1")
		}
	}
}

func TestWaitingEndsWithItsTime(t *testing.T) {
	b, wanted := gatedBatcher(t, BatchOptions{Wait: shortestWait}, waitShare*shortestWait)
	one := enqueue(t, b, 1)[0]
	gate := <-wanted
	two := enqueue(t, b, 2)
	gate.end <- nil
	(<-wanted).end <- nil
	sizeOf(t, one)
	sizeOf(t, two[1])
	late := enqueue(t, b, 1)[0] // one of the two, for whom nobody waits for ever
	(<-wanted).end <- nil
	sizeOf(t, late)
	later := enqueue(t, b, 1)[0]
	(<-wanted).end <- nil
	sizeOf(t, later)
}

func TestPaceFollowsTheMedian(t *testing.T) {
	p := pace{most: 25 * time.Millisecond, shortest: shortestWait}
	if wait, slow := p.wait(); wait != 0 || slow {
		t.Error("a wait before anything is known")
	}
	for _, c := range []struct {
		took, want time.Duration
		slow       bool
	}{
		{8 * time.Millisecond, time.Millisecond, false}, {80 * time.Millisecond, 10 * time.Millisecond, true}, {250 * time.Millisecond, 25 * time.Millisecond, true},
	} {
		for range medianSamples {
			p.quoted(c.took)
		}
		p.quoted(time.Hour) // one that hung changes nothing
		if got, slow := p.wait(); got != c.want || slow != c.slow {
			t.Errorf("quotes of %v: wait %v, slow %v, want %v, %v", c.took, got, slow, c.want, c.slow)
		}
	}
	if len(p.took) != medianSamples {
		t.Errorf("%d samples kept", len(p.took))
	}
}

func TestBatchesAreOfOneClassAndNeitherStarves(t *testing.T) {
	b := newBatcher(BatchOptions{Cap: 2}, nil, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, class := range []attest.Class{attest.ClassFast, attest.ClassFast, attest.ClassFast, attest.ClassDevice} {
		if err := b.enqueue(&queued{ctx: t.Context(), class: class, key: keyOf(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.enqueue(&queued{ctx: gone, class: attest.ClassDevice, key: keyOf(1)}); err != nil {
		t.Fatal(err)
	}
	last := attest.ClassDevice
	for i, want := range []struct {
		class attest.Class
		n     int
	}{{attest.ClassFast, 2}, {attest.ClassDevice, 1}, {attest.ClassFast, 1}} {
		class, batch := b.freeze(last)
		if class != want.class || len(batch) != want.n {
			t.Errorf("%d: %d of %s, want %v", i, len(batch), class, want)
		}
		last = class
	}
	if _, batch := b.freeze(last); batch != nil || b.queue.count != 0 {
		t.Error("something is left")
	}
}

func TestStoppedBatcherRefusesAndFailsWhoWaits(t *testing.T) {
	b := newBatcher(BatchOptions{}, nil, nil)
	q := asks(t, keyOf(1), 0)
	if err := b.enqueue(q); err != nil {
		t.Fatal(err)
	}
	b.failAll()
	if r := <-q.out; asRefusal(r.err).Name != attest.ProblemStopping {
		t.Error(r.err)
	}
	if err := b.enqueue(q); asRefusal(err).Name != attest.ProblemStopping {
		t.Error(err)
	}
}

func TestAskerWhoLeavesTakesHisChallengeAlong(t *testing.T) {
	b := newBatcher(BatchOptions{}, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.submit(ctx, attest.ClassFast, attest.Digest{}, nil, keyOf(1), true); asRefusal(err).Name != attest.ProblemTimeout {
		t.Error(err)
	}
	if b.queue.count != 0 {
		t.Error("it waits on")
	}
}
