package agent

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/roomy"
)

// Source reads the claims of one kind. Collect returns a value that
// attest.Marshal encodes, or an error; an *attest.AbsentError says its own reason.
type Source struct {
	Kind    attest.Kind
	Collect func(context.Context) (any, error)
	// Check is what the verifier will ask of the encoding; claims that fail it are not sent.
	Check func([]byte) error
	// Every is the pause between two readings; zero reads anew for each batch, after it is frozen.
	Every    time.Duration
	Deadline time.Duration
}

// stated is what a source gave: a body or an absence.
type stated struct {
	body    []byte
	absence *attest.Absence
	check   chan error // gives once what the source's Check says of the body; nil: it has passed
}

// checked waits for the check: s, or an absence where it fails.
func (s stated) checked(k attest.Kind) stated {
	if s.check == nil {
		return s
	}
	if err := <-s.check; err != nil {
		return absent(k, attest.Failed, "own check: %s", attest.Clean(err.Error()))
	}
	s.check = nil
	return s
}

func absent(k attest.Kind, r attest.Reason, format string, args ...any) stated {
	a := attest.Absent(string(k), r, format, args...)
	return stated{absence: &a}
}

// reader runs a source within its deadline. A reading that does not return is
// left behind, and no second one is started beside it.
type reader struct {
	Source
	reading atomic.Bool
	unfit   atomic.Bool // the last fresh reading failed its check

	mu   sync.Mutex
	last stated
}

func newReader(s Source) *reader {
	return &reader{Source: s, last: absent(s.Kind, attest.NotYet, "first reading under way")}
}

// state is what goes into this batch: a fresh reading, or the last one of a slow source. The check of a fresh one may still run,
// unless the one before failed: that would cost a second quote each time.
func (r *reader) state(ctx context.Context) stated {
	switch {
	case r.Every == 0 && r.unfit.Load():
		return r.read(ctx)
	case r.Every == 0:
		return r.readUnchecked(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// run reads a slow source until ctx ends; first is called after the first reading.
func (r *reader) run(ctx context.Context, first func()) {
	for {
		s := r.read(ctx)
		r.mu.Lock()
		r.last = s
		r.mu.Unlock()
		first()
		select {
		case <-time.After(r.Every):
		case <-ctx.Done():
			return
		}
	}
}

func (r *reader) read(ctx context.Context) stated { return r.readUnchecked(ctx).checked(r.Kind) }

func (r *reader) readUnchecked(ctx context.Context) stated {
	if !r.reading.CompareAndSwap(false, true) {
		return absent(r.Kind, attest.Timeout, "an earlier reading has not returned")
	}
	ctx, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	done := make(chan stated, 1)
	go func() {
		roomy.Stack()
		v, err := r.Collect(ctx)
		s := r.encode(v, err)
		r.reading.Store(false) // before anybody hears of it, for the next may begin at once
		done <- s
		if s.check != nil {
			runtime.Gosched() // whoever waits for the reading goes first; the check has the time that the TPM takes
			err := r.Check(s.body)
			r.unfit.Store(err != nil)
			s.check <- err
		}
	}()
	select {
	case s := <-done:
		return s
	case <-ctx.Done():
		return absent(r.Kind, attest.Timeout, "no answer within %v", r.Deadline)
	}
}

func (r *reader) encode(v any, err error) stated {
	var why *attest.AbsentError
	switch {
	case errors.As(err, &why):
		return absent(r.Kind, why.Absence.Reason, "%s", attest.Clean(why.Absence.Detail))
	case errors.Is(err, context.DeadlineExceeded):
		return absent(r.Kind, attest.Timeout, "no answer within %v", r.Deadline)
	case err != nil:
		return absent(r.Kind, attest.Failed, "%s", attest.Clean(err.Error()))
	}
	b, err := attest.Marshal(v)
	if err != nil {
		return absent(r.Kind, attest.Failed, "encoding: %s", attest.Clean(err.Error()))
	}
	return stated{body: b, check: make(chan error, 1)}
}

// gather asks all readers at once.
func gather(ctx context.Context, readers []*reader) map[attest.Kind]stated {
	states := make([]stated, len(readers))
	var wg sync.WaitGroup
	for i, r := range readers {
		if r.Every == 0 {
			wg.Go(func() { states[i] = r.state(ctx) })
		} else {
			states[i] = r.state(ctx)
		}
	}
	wg.Wait()
	out := make(map[attest.Kind]stated, len(readers))
	for i, r := range readers {
		out[r.Kind] = states[i]
	}
	return out
}
