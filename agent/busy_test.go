package agent

import (
	"context"
	"crypto/ecdsa"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// gatedHalf makes evidence when it is let.
type gatedHalf struct {
	echoHalf
	begun, let chan struct{}
}

func (gatedHalf) Identity(context.Context) (*NodeIdentity, error) {
	return &NodeIdentity{UEID: attest.UEID{1}}, nil
}

func (h gatedHalf) Evidence(context.Context, *EvidenceParams) ([]byte, error) {
	h.begun <- struct{}{}
	<-h.let
	return []byte("evidence"), nil
}

// gatedFrontend serves a front end over a gated half; its node can be asked, not opened.
func gatedFrontend(t *testing.T, h gatedHalf, o BatchOptions, keys int) (*node, *Frontend, []*ecdsa.PrivateKey) {
	t.Helper()
	dir := t.TempDir()
	var all []*ecdsa.PrivateKey
	for i := range keys {
		all = append(all, writeKey(t, filepath.Join(dir, string(rune('a'+i))+".pub")))
	}
	c := DefaultConfig()
	c.Validators = ValidatorsConfig{PerMinute: maxPerMinute}
	ring, err := NewKeyring([]string{filepath.Join(dir, "*.pub")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := NewFrontend(FrontendOptions{Config: &c, Half: h, Keys: ring, Used: openUsed(t, t.TempDir(), 0), Log: quiet(t), Batch: o})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, l) }()
	n := &node{t: t, url: "https://" + l.Addr().String(), client: newClient(), ueid: attest.UEID{1}, now: f.now}
	t.Cleanup(func() {
		n.client.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n, f, all
}

func TestFullQueueAndFullShareAreRefusedWithARetryAndOthersServed(t *testing.T) {
	h := gatedHalf{begun: make(chan struct{}), let: make(chan struct{})}
	n, f, keys := gatedFrontend(t, h, BatchOptions{Queue: 2, Share: 1}, 3)
	challenge := func(key int) []byte { return seal(t, keys[key], attest.TypeChallenge, n.challenge(nil)) }
	var wg sync.WaitGroup
	ask := func(key int) {
		doc := challenge(key)
		wg.Go(func() {
			if r, b := n.post("/v1/challenge", attest.TypeChallenge, doc); r.StatusCode != http.StatusOK {
				t.Error(r.Status, string(b))
			}
		})
	}
	waitFor := func(queued int) {
		for f.batch.len() != queued {
			runtime.Gosched()
		}
	}
	refused := func(key int) {
		t.Helper()
		r, b := n.post("/v1/challenge", attest.TypeChallenge, challenge(key))
		wantProblem(t, r, b, attest.ProblemRate) // and its Retry-After
		if r.StatusCode != http.StatusTooManyRequests {
			t.Error(r.Status)
		}
	}
	ask(0)
	<-h.begun // the first is being quoted; from here on others wait
	ask(0)
	waitFor(1)
	refused(0) // its share is full, the queue is not
	ask(1)
	waitFor(2)
	refused(2) // the queue is full
	h.let <- struct{}{}
	<-h.begun // both who waited, by one quote
	close(h.let)
	wg.Wait()
}
