package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// A quote beside absent TPM claims would read like a forgery to every verifier.
func TestUnreadTPMClaimsAreAProblemAndNotEvidence(t *testing.T) {
	tpm := newFakeTPM(t)
	tpm.mute.Store(true)
	n := startNode(t, nodeOptions{tpm: tpm})
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)), attest.ProblemUnavailable)
	if tpm.quotes.Load() != 0 {
		t.Error("quoted for nothing")
	}
	tpm.mute.Store(false) // they are read again, soon where there are none yet
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, _, err := n.exchange(n.client, seal(t, n.validator, attest.TypeChallenge, n.challenge(nil)))
		if err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestTPMClaimsThatCannotBeReadNowAreThoseReadBefore(t *testing.T) {
	n := startNode(t, nodeOptions{})
	_, before := n.ask(n.client)
	n.tpm.mute.Store(true)
	held, err := n.collector.keeper.get()
	if err != nil {
		t.Fatal(err)
	}
	if held.reread(t.Context()) == nil {
		t.Fatal("a mute TPM was read")
	}
	start := time.Now()
	_, after := n.ask(n.client)
	if string(after.Submods[attest.KindTPM]) != string(before.Submods[attest.KindTPM]) {
		t.Error("the claims changed")
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("evidence took %v", d)
	}
}

// stuckTPM answers for its claims once and then not before its caller leaves.
type stuckTPM struct {
	*fakeTPM
	read bool
}

func (s *stuckTPM) Claims(ctx context.Context) (any, error) {
	if s.read {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.read = true
	return s.fakeTPM.Claims(ctx)
}

func TestEvidenceDoesNotWaitForTPMClaims(t *testing.T) {
	tpm := newFakeTPM(t)
	n := startNode(t, nodeOptions{tpm: tpm, openTPM: func(context.Context) (TPM, error) { return &stuckTPM{fakeTPM: tpm}, nil }})
	start := time.Now()
	_, bound := n.ask(n.client)
	if _, stated := bound.Submods[attest.KindTPM]; !stated {
		t.Error("claims are missing")
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("evidence took %v", d)
	}
}

func TestLostKeyIsNoticedWhileClaimsAreRead(t *testing.T) {
	h := newHeldTPM(losing{newFakeTPM(t)}, func() (uint, *attest.Absence) { return 13, nil })
	if a := h.reread(t.Context()); a == nil || len(h.lost) != 1 {
		t.Errorf("%+v, told %d times", a, len(h.lost))
	}
}

func TestDeadDeviceIsLostAndARefusalIsNot(t *testing.T) {
	for _, err := range []error{io.EOF, fmt.Errorf("quote: %w", syscall.ENODEV), &os.PathError{Op: "write", Err: syscall.EIO}, tpm.ErrClosed} {
		if !errors.Is(lost(err), ErrTPMLost) {
			t.Errorf("%v is not lost", err)
		}
	}
	for _, err := range []error{nil, errors.New("TPM_RC_VALUE"), context.DeadlineExceeded, syscall.EAGAIN} {
		if errors.Is(lost(err), ErrTPMLost) {
			t.Errorf("%v is lost", err)
		}
	}
}

// A TPM that is hardly ever idle must not keep its claims from being read.
func TestClaimsAreReadThoughEvidenceNeverPauses(t *testing.T) {
	fake := newFakeTPM(t)
	fake.mute.Store(true)
	n := startNode(t, nodeOptions{tpm: fake})
	fake.mute.Store(false)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range 2 { // while one has the turn the other waits for it: it is never free
		go func() {
			for n.collector.turn.take(ctx, false) == nil {
				time.Sleep(5 * time.Millisecond)
				n.collector.turn.give()
			}
		}()
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if h, err := n.collector.keeper.get(); err == nil && h.stated().absence == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the claims were never read")
		}
	}
}

type losing struct{ *fakeTPM }

func (losing) Claims(context.Context) (any, error) { return nil, ErrTPMLost }
