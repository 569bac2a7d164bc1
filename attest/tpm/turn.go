package tpm

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// BusyError says that the TPM did not come free: another operation holds it.
type BusyError struct {
	Step  string        // the operation that holds the TPM
	For   time.Duration // how long it has
	Hung  bool          // longer than Options.Hung: it may never end
	cause error
}

func (e *BusyError) Error() string {
	held := fmt.Sprintf("%q has held the tpm for %s", e.Step, e.For.Round(time.Millisecond))
	if e.Hung {
		return "hung: " + held + ": " + stuck
	}
	return "busy: " + held
}

// Unwrap gives the context's error where that ended the waiting.
func (e *BusyError) Unwrap() error { return e.cause }

// turn is the one lock of a TPM: a mutex whose waiters can leave and can see who holds it.
type turn struct {
	token  chan struct{}
	holder *atomic.Pointer[holder]
}

type holder struct {
	step  string
	since time.Time
}

func newTurn() turn {
	return turn{token: make(chan struct{}, 1), holder: new(atomic.Pointer[holder])}
}

// take waits for the TPM until ctx ends or the present holder has had it for longer than hung.
func (t turn) take(ctx context.Context, step string, hung time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select { // free: no timer
	case t.token <- struct{}{}:
		t.holder.Store(&holder{step, time.Now()})
		return nil
	default:
	}
	look := time.NewTimer(t.left(hung))
	defer look.Stop()
	for {
		select {
		case t.token <- struct{}{}:
			t.holder.Store(&holder{step, time.Now()})
			return nil
		case <-ctx.Done():
			return t.busy(hung, ctx.Err())
		case <-look.C:
			if e := t.busy(hung, nil); e.Hung {
				return e
			}
			look.Reset(t.left(hung))
		}
	}
}

func (t turn) give() {
	t.holder.Store(nil)
	<-t.token
}

// left is how long the present holder may go on before it counts as hung.
func (t turn) left(hung time.Duration) time.Duration {
	h := t.holder.Load()
	if h == nil {
		return hung
	}
	return max(hung-time.Since(h.since), time.Millisecond)
}

func (t turn) busy(hung time.Duration, cause error) *BusyError {
	e := &BusyError{cause: cause}
	if h := t.holder.Load(); h != nil {
		e.Step, e.For = h.step, time.Since(h.since)
		e.Hung = e.For >= hung
	}
	return e
}
