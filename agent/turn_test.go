package agent

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestTurnServesEvidenceBeforeEnrolmentThatWaitedLonger(t *testing.T) {
	var turn turn
	if err := turn.take(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if !turn.taken {
		t.Fatal("not taken")
	}
	order := make(chan string, 3)
	wait := func(name string, evidence bool) {
		before := turn.waiting()
		go func() {
			if err := turn.take(t.Context(), evidence); err != nil {
				t.Error(err)
			}
			order <- name
			turn.give()
		}()
		for turn.waiting() == before {
			time.Sleep(time.Millisecond)
		}
	}
	wait("enrolment", false)
	wait("evidence", true)
	wait("more evidence", true)
	turn.give()
	for _, want := range []string{"evidence", "more evidence", "enrolment"} {
		if got := <-order; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTurnIsNotLostToWhoStoppedWaiting(t *testing.T) {
	var turn turn
	for range 2000 { // some of them are handed the turn at the moment they leave
		if err := turn.take(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- turn.take(ctx, true) }()
		for turn.waiting() == 0 {
			time.Sleep(time.Microsecond)
		}
		go cancel()
		turn.give()
		if err := <-left; err == nil {
			turn.give()
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
	}
	if turn.waiting() != 0 {
		t.Error("somebody is left waiting")
	}
}

func (t *turn) waiting() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.first) + len(t.second)
}
