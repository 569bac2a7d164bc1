package agent

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// serialTPM serves one operation at a time in the order of arrival, as package
// tpm does; an activation that has begun cannot be called back.
type serialTPM struct {
	*fakeTPM
	turn       chan struct{}
	activation time.Duration
	activated  atomic.Int64
}

func newSerialTPM(t testing.TB, activation time.Duration) *serialTPM {
	return &serialTPM{fakeTPM: newFakeTPM(t), turn: make(chan struct{}, 1), activation: activation}
}

func (s *serialTPM) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *serialTPM) Claims(ctx context.Context) (any, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	return s.fakeTPM.Claims(ctx)
}

func (s *serialTPM) Quote(ctx context.Context, q attest.Digest) (any, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	return s.fakeTPM.Quote(ctx, q)
}

func (s *serialTPM) Activate(ctx context.Context, _ string, _, _ []byte) ([]byte, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(s.activation)
		s.activated.Add(1)
		<-s.turn
	}()
	select {
	case <-done:
		return []byte("secret"), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func serialNode(t *testing.T, tpm *serialTPM, twoHalves bool) *node {
	return startNode(t, nodeOptions{tpm: tpm.fakeTPM, twoHalves: twoHalves, openTPM: func(context.Context) (TPM, error) { return tpm, nil }})
}

func TestEvidenceWaitsForOneActivationAtMost(t *testing.T) {
	tpm := newSerialTPM(t, 400*time.Millisecond)
	n := serialNode(t, tpm, false)
	for range 4 {
		go n.collector.Activate(t.Context(), &ActivateParams{Step: attest.StepActivate, EK: "L-1"})
	}
	for len(tpm.turn) == 0 {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	n.ask(n.client)
	if d := time.Since(start); d > 2*tpm.activation {
		t.Errorf("evidence took %v beside activations of %v", d, tpm.activation)
	}
}

func TestActivationsHaveHalfOfTheTPMsTimeAtMost(t *testing.T) {
	tpm := newSerialTPM(t, 100*time.Millisecond)
	n := serialNode(t, tpm, false)
	start := time.Now()
	for range 3 {
		if _, err := n.collector.Activate(t.Context(), &ActivateParams{Step: attest.StepActivate, EK: "L-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(start); d < 5*tpm.activation {
		t.Errorf("three activations of %v within %v", tpm.activation, d)
	}
}

// An asker who leaves must not make room in the TPM's own queue for the next one.
func TestAbandonedActivationKeepsTheTurnUntilTheTPMIsFree(t *testing.T) {
	tpm := newSerialTPM(t, 300*time.Millisecond)
	n := serialNode(t, tpm, false)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := n.collector.Activate(ctx, &ActivateParams{Step: attest.StepActivate, EK: "L-1"}); err == nil {
		t.Fatal("activated")
	}
	if tpm.activated.Load() != 1 {
		t.Error("the turn was given away while the TPM was still busy")
	}
	n.ask(n.client)
}

// TestAbandonedEnrolmentsDoNotDelayEvidence is the attack as it comes: a listed
// validator asks for enrolments and hangs up.
func TestAbandonedEnrolmentsDoNotDelayEvidence(t *testing.T) {
	for _, twoHalves := range []bool{false, true} {
		tpm := newSerialTPM(t, 500*time.Millisecond)
		n := serialNode(t, tpm, twoHalves)
		var wg sync.WaitGroup
		for range activationBurst {
			a := n.activate(attest.StepActivate)
			a.EK, a.Credential, a.Secret = "L-1", []byte("good"), []byte("s")
			doc := seal(t, n.validator, attest.TypeActivate, a)
			wg.Go(func() {
				client := newClient()
				defer client.CloseIdleConnections()
				client.Timeout = 100 * time.Millisecond
				if r, err := client.Post(n.url+"/v1/activate", attest.TypeActivate, bytes.NewReader(doc)); err == nil {
					r.Body.Close()
				}
			})
		}
		wg.Wait()
		start := time.Now()
		n.ask(n.client)
		if d := time.Since(start); d > tpm.activation+300*time.Millisecond {
			t.Errorf("two halves %v: evidence took %v", twoHalves, d)
		}
		time.Sleep(2 * tpm.activation)
		if done := tpm.activated.Load(); done != 1 {
			t.Errorf("two halves %v: %d activations for askers who left, want the one that had begun", twoHalves, done)
		}
	}
}

func TestOneEnrolmentIsUnderWayAtATime(t *testing.T) {
	n := startNode(t, nodeOptions{})
	f := n.frontend(t, quiet(t))
	f.activating <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := f.awaitActivation(ctx); asRefusal(err).Name != attest.ProblemBusy {
		t.Error(err)
	}
	<-f.activating
	if err := f.awaitActivation(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whoever waits in vain behind another enrolment keeps what its rate allows.
func TestEnrolmentThatCouldNotBeServedCostsNoRate(t *testing.T) {
	n := startNode(t, nodeOptions{})
	f := n.frontend(t, quiet(t))
	f.activating <- struct{}{}
	for i := range activationBurst + 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		body := seal(t, n.validator, attest.TypeActivate, n.activate(attest.StepParameters))
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/activate", bytes.NewReader(body))
		r.Header.Set("Content-Type", attest.TypeActivate)
		if _, _, err := f.activation(r); !errors.Is(err, errManyActivations) {
			t.Errorf("request %d: %v", i, err)
		}
		cancel()
	}
}
