package recorder_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

// gpus is a probe over simulated GPUs.
type gpus struct {
	mu   sync.Mutex
	host *sweeps.Host
	hang atomic.Bool // no sweep returns before its context ends
	fail atomic.Bool
	busy atomic.Int32
	most atomic.Int32 // sweeps at a time
}

func newGPUs(n int) *gpus { return &gpus{host: sweeps.New(n, 1, 1)} }

func (g *gpus) Sweep(ctx context.Context, _ gpu.SweepParams) (*gpu.Sweep, error) {
	if n := g.busy.Add(1); n > g.most.Load() {
		g.most.Store(n)
	}
	defer g.busy.Add(-1)
	if g.hang.Load() {
		<-ctx.Done()
		return nil, &attest.AbsentError{Absence: attest.Absent("gpu", attest.Timeout, "probe killed")}
	}
	if g.fail.Load() {
		return nil, errors.New("no such thing")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.host.Next(0)
	return &gpu.Sweep{Devices: r.Devices, Absent: r.Absent}, nil
}

func options(dir string, g recorder.Sweeper) recorder.Options {
	return recorder.Options{Sweeper: g, Interval: 5 * time.Millisecond, Dir: dir, Version: "test", Clock: recorder.HostClock(),
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Minute: 50 * time.Millisecond, Memory: 500 * time.Millisecond}
}

// running starts a recorder; stop ends it and waits.
func running(t testing.TB, o recorder.Options) (r *recorder.Recorder, stop func()) {
	t.Helper()
	r = recorder.New(o)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { r.Run(ctx, attest.UEID{1, 2}); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return r, stop
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s: not within 20 s", what)
}

func claims(t testing.TB, r *recorder.Recorder) *telemetry.Claims {
	t.Helper()
	c, err := r.Claims()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := attest.Marshal(c); err != nil {
		t.Fatal(err)
	} else if _, err := telemetry.Parse(b); err != nil {
		t.Fatalf("own check: %v", err)
	}
	return c
}

// history is what a chain gave, verified: records by index, heads by index.
type history struct {
	records map[uint64]*telemetry.Record
	heads   map[uint64]telemetry.Head
	last    telemetry.Head
}

// fetch follows a chain from a record on and checks that every chunk continues the one before it.
func fetch(t testing.TB, r *recorder.Recorder, at recorder.Cursor, most int) history {
	t.Helper()
	h := history{map[uint64]*telemetry.Record{}, map[uint64]telemetry.Head{}, telemetry.Head{}}
	for next := &at; next != nil; {
		chunks, after, err := r.Chunks(t.Context(), *next, most)
		if err != nil {
			t.Fatalf("from %d: %v", next.First, err)
		}
		for _, b := range chunks {
			c, err := telemetry.ParseChunk(b)
			if err != nil {
				t.Fatal(err)
			}
			if h.last.Genesis == c.Genesis && h.last != c.Begin() {
				t.Fatalf("chunk %d does not continue %v", c.First, h.last)
			}
			list, heads, err := c.Verify()
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				h.records[heads[i].Index], h.heads[heads[i].Index] = list[i], heads[i]
			}
			h.last = c.End()
		}
		next = after
	}
	return h
}

func facts(h history, name string) (out []telemetry.Fact) {
	for i := uint64(1); i <= h.last.Index; i++ {
		if r := h.records[i]; r != nil {
			for _, f := range r.Facts {
				if f.Name == name {
					out = append(out, f)
				}
			}
		}
	}
	return out
}
