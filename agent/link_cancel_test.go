package agent

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// patientHalf works on an activation until its asker leaves.
type patientHalf struct {
	echoHalf
	begun, ended chan struct{}
}

func newPatientHalf() patientHalf {
	return patientHalf{begun: make(chan struct{}, 100), ended: make(chan struct{}, 100)}
}

func (h patientHalf) Activate(ctx context.Context, _ *ActivateParams) ([]byte, error) {
	h.begun <- struct{}{}
	<-ctx.Done()
	h.ended <- struct{}{}
	return nil, ctx.Err()
}

// eachLink runs f over a pipe and over a unix socket.
func eachLink(t *testing.T, h Half, f func(*testing.T, *LinkClient)) {
	t.Run("pipe", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c, wg := Connect(ctx, h, quiet(t))
		defer func() { cancel(); c.Close(); wg.Wait() }()
		f(t, c)
	})
	t.Run("socket", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		l, err := ListenLink(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { (&LinkServer{Half: h, Log: quiet(t)}).Serve(ctx, l) })
		c := DialLink(path)
		defer func() { cancel(); c.Close(); wg.Wait() }()
		f(t, c)
	})
}

func TestLinkGivesUpTheWorkOfAnAskerWhoLeft(t *testing.T) {
	h := newPatientHalf()
	eachLink(t, h, func(t *testing.T, c *LinkClient) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Activate(ctx, &ActivateParams{}); err == nil {
				t.Error("answered")
			}
		})
		<-h.begun
		cancel()
		wg.Wait()
		select {
		case <-h.ended:
		case <-time.After(5 * time.Second):
			t.Fatal("the collector works on for nobody")
		}
		if _, err := c.Identity(t.Context()); err != nil {
			t.Error("the link did not outlive a cancel:", err)
		}
	})
}

func TestWaitingActivationsDoNotHoldUpTheLink(t *testing.T) {
	h := newPatientHalf()
	eachLink(t, h, func(t *testing.T, c *LinkClient) {
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		refused := make(chan error, 2*maxInFlight)
		for range 2 * maxInFlight {
			wg.Go(func() {
				if _, err := c.Activate(ctx, &ActivateParams{}); ctx.Err() == nil {
					refused <- err
				}
			})
		}
		for range 2*maxInFlight - maxActivations {
			if r := asRefusal(<-refused); r.Name != attest.ProblemBusy {
				t.Error(r)
			}
		}
		short, done := context.WithTimeout(t.Context(), 5*time.Second)
		defer done()
		if _, err := c.Identity(short); err != nil {
			t.Error(err)
		}
		if _, err := c.Prepare(short, &PrepareParams{}); err != nil {
			t.Error(err)
		}
		cancel()
		wg.Wait()
		for range maxActivations {
			<-h.begun
			<-h.ended
		}
	})
}

func TestLinkEndsOnARequestWhoseIDIsInUse(t *testing.T) {
	c := &servedConn{running: map[uint64]context.CancelFunc{}}
	_, done, err := c.begin(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.begin(t.Context(), 7); err == nil {
		t.Error("a second request took the first one's place")
	}
	done()
	if _, _, err := c.begin(t.Context(), 7); err != nil {
		t.Error(err)
	}
}
