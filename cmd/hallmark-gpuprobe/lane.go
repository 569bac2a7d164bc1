package main

import (
	"context"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// lane lets one goroutine at a time into a GPU. A call that the driver does not
// return from cannot be cancelled: it keeps its goroutine, its thread and its lane,
// and whoever comes later learns which call that is and goes on to the next GPU.
type lane struct {
	mu    sync.Mutex
	busy  bool
	call  string
	since time.Time
}

// start runs work on a goroutine of its own and returns what is closed when it is
// done; nil if an earlier work has not come back.
func (l *lane) start(work func()) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy {
		return nil
	}
	l.busy, l.call, l.since = true, "", time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer l.free()
		work()
	}()
	return done
}

func (l *lane) free() {
	l.mu.Lock()
	l.busy = false
	l.mu.Unlock()
}

// enter notes the call that is made next.
func (l *lane) enter(call string) {
	l.mu.Lock()
	l.call, l.since = call, time.Now()
	l.mu.Unlock()
}

// stuck tells what holds the lane; ok is false when nothing does.
func (l *lane) stuck() (call string, d time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call, time.Since(l.since), l.busy
}

// in waits until done is closed, but not past ctx. What came in time counts even
// if nobody looked in time.
func in(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// within is a context of that many milliseconds; of 0, one without end.
func within(millis uint64) (context.Context, context.CancelFunc) {
	if millis == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(millis)*time.Millisecond)
}

// most is a context that ends when three quarters of the time that ctx has left are over.
func most(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/4*3)
}

// stuck is what is said of h while its lane is held.
func (h *handle) stuck() (*gpu.Stuck, error) {
	call, d, _ := h.lane.stuck()
	s := &gpu.Stuck{Key: h.key, Index: uint64(h.index), Call: call, Millis: uint64(max(d.Milliseconds(), 0))}
	return s, absent(attest.Timeout, "%s", s.Detail())
}

// errSkipped is what is said of a GPU that the request leaves alone.
var errSkipped = absent(attest.Timeout, "it hung, and is left alone for a while")
