package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// TestConcurrentChallengesAreNeitherLostNorMixedUp asks a real agent over a software TPM from eight clients at once.
// Each answer must verify for its own challenge; afterwards the TPM must be as empty as before.
func TestConcurrentChallengesAreNeitherLostNorMixedUp(t *testing.T) {
	bin, each := programs(t), 125
	const clients = 8
	if testing.Short() {
		each = 15
	}
	tools, err := node.Find(bin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(t.TempDir(), tools)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	before := loaded(t, s.honest.Socket())
	s.perMinute = 1_000_000
	n, err := s.startNode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = n.Stop()
		}
	})
	l := &load{t: t, url: n.URL, each: each, seen: map[attest.Nonce]bool{}}
	l.enroll(s)
	begin := time.Now()
	l.run(clients)
	took := time.Since(begin)
	if len(l.seen) != clients*each {
		t.Errorf("%d answers verified, want %d", len(l.seen), clients*each)
	}
	slices.Sort(l.took)
	t.Logf("%d challenges, %d clients: %v, %.0f/s, %d quotes, latency p50 %v p99 %v max %v", len(l.took), clients, took.Round(time.Millisecond),
		float64(len(l.took))/took.Seconds(), len(l.roots), l.percentile(50), l.percentile(99), l.percentile(100))
	stopped = true
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	if after := loaded(t, s.honest.Socket()); len(after) != len(before) {
		t.Errorf("the agent left %#x in the TPM, before it there was %#x", after, before)
	}
}

// load is one crowd of clients.
type load struct {
	t         *testing.T
	url       string
	each      int
	validator *attacker.Validator
	node      []byte
	ueid      attest.UEID
	verifier  *verify.Verifier

	mu    sync.Mutex
	seen  map[attest.Nonce]bool
	roots map[attest.Digest]bool
	took  []time.Duration
}

func (l *load) enroll(s *stage) {
	l.t.Helper()
	v, _, err := newValidator(l.t.Context(), s)
	if err != nil {
		l.t.Fatal(err)
	}
	file, refused, err := v.Enroll(l.t.Context(), l.url, v.Roots)
	if err != nil || refused != nil {
		l.t.Fatal(refused, err)
	}
	opened, err := verify.OpenNode(file)
	if err != nil {
		l.t.Fatal(err)
	}
	policy, err := verify.DefaultPolicy()
	if err != nil {
		l.t.Fatal(err)
	}
	l.validator, l.node, l.ueid, l.roots = v, file, opened.Node.UEID, map[attest.Digest]bool{}
	l.verifier, err = verify.New(verify.Endorsements{Validator: &v.Key.PublicKey, Node: file, AcceptDemoRootsUnsafe: true}, v.Refs, policy)
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *load) run(clients int) {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			c, err := client.New(l.url, nil)
			if err != nil {
				l.t.Error(err)
				return
			}
			defer c.Close()
			for range l.each {
				if err := l.one(l.t.Context(), c); err != nil {
					l.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// one asks once and judges the answer for this very challenge and connection.
func (l *load) one(ctx context.Context, c *client.Client) error {
	begin := time.Now()
	record, stored, err := c.Ask(ctx, l.validator.Key, l.ueid, client.Question{Kinds: attest.Built()})
	took := time.Since(begin)
	if err != nil {
		return err
	}
	r, err := l.verifier.Verify(record, verify.Options{At: time.Now(), Asked: verify.TierCommunity, Stored: stored})
	if err != nil {
		return err
	}
	if f, bad := r.Primary(); !r.Accepted || bad {
		return errors.New("refused: " + f.ID + ": " + f.Seen)
	}
	nonce, root, err := attacker.NonceAndRoot(record)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[nonce] {
		return errors.New("two answers to one challenge")
	}
	l.seen[nonce], l.roots[root], l.took = true, true, append(l.took, took)
	return nil
}

func (l *load) percentile(p int) time.Duration {
	if len(l.took) == 0 {
		return 0
	}
	return l.took[max(0, (len(l.took)*p+99)/100-1)].Round(10 * time.Microsecond)
}

// loaded lists transient objects and sessions in a TPM that nobody else uses now.
func loaded(t *testing.T, socket string) []tpm2.TPMHandle {
	t.Helper()
	c, err := linuxudstpm.Open(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var all []tpm2.TPMHandle
	for _, sort := range []tpm2.TPMHT{tpm2.TPMHTTransient, tpm2.TPMHTLoadedSession, tpm2.TPMHTSavedSession} {
		r, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: uint32(sort) << 24, PropertyCount: 64}.Execute(c)
		if err != nil {
			t.Fatal(err)
		}
		handles, err := r.CapabilityData.Data.Handles()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, handles.Handle...)
	}
	return all
}
