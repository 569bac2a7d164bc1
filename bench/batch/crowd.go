package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"
)

// answer is a response with its challenge. The evidence, which a whole batch shares, is kept once.
type answer struct {
	challenge  []byte
	export     [32]byte
	sent, done time.Time
	evidence   []byte
	head, tail []byte // of the response, around the evidence
}

// shared keeps evidence once.
type shared struct {
	mu   sync.Mutex
	seen map[[16]byte][]byte // by the end of its signature
}

// keep returns bytes equal to evidence that somebody kept before, or a copy.
func (s *shared) keep(evidence []byte) []byte {
	id := [16]byte(evidence[len(evidence)-16:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.seen[id]; bytes.Equal(k, evidence) {
		return k
	}
	k := bytes.Clone(evidence)
	s.seen[id] = k
	return k
}

// split finds the evidence in a response: a map whose first key, 1, has a byte string. Whether it is one is for the check afterwards.
func split(b []byte) (head, evidence, tail []byte, err error) {
	n, at := 0, 0
	switch {
	case len(b) > 5 && b[2] == 0x59:
		n, at = int(b[3])<<8|int(b[4]), 5
	case len(b) > 7 && b[2] == 0x5a:
		n, at = int(b[3])<<24|int(b[4])<<16|int(b[5])<<8|int(b[6]), 7
	}
	if n < 16 || at+n > len(b) {
		return nil, nil, nil, fmt.Errorf("no response: %d bytes that begin with %x", len(b), b[:min(len(b), 8)])
	}
	return b[:at], b[at : at+n], b[at+n:], nil
}

// crowd is a closed loop of clients over one side.
type crowd struct {
	side    *side
	clients []*client
	shared  *shared
}

func newCrowd(s *side, n int) (*crowd, error) {
	c := &crowd{side: s, shared: &shared{seen: map[[16]byte][]byte{}}}
	for i := range n {
		cl, err := dial(s.address, s.keys[i])
		if err != nil {
			return nil, err
		}
		c.clients = append(c.clients, cl)
	}
	return c, nil
}

func (c *crowd) close() {
	for _, cl := range c.clients {
		cl.conn.Close()
	}
}

// run asks from all clients at once for so long, then lets each have the answer it waits for.
func (c *crowd) run(ctx context.Context, stock [][]signed, length time.Duration) ([]answer, error) {
	all := make([][]answer, len(c.clients))
	errs := make(chan error, len(c.clients))
	end := time.Now().Add(length)
	var wg sync.WaitGroup
	for i, cl := range c.clients {
		wg.Go(func() {
			for _, s := range stock[i] {
				if ctx.Err() != nil || time.Now().After(end) {
					return
				}
				a, err := c.one(cl, s)
				if err != nil {
					errs <- err
					return
				}
				all[i] = append(all[i], a)
			}
			errs <- fmt.Errorf("client %d ran out of challenges", i)
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	var out []answer
	for _, a := range all {
		out = append(out, a...)
	}
	return out, ctx.Err()
}

func (c *crowd) one(cl *client, s signed) (answer, error) {
	a := answer{challenge: s.doc, export: cl.export, sent: time.Now()}
	b, err := cl.ask(s)
	if err != nil {
		return a, err
	}
	a.done = time.Now()
	head, evidence, tail, err := split(b)
	if err != nil {
		return a, err
	}
	a.evidence, a.head, a.tail = c.shared.keep(evidence), bytes.Clone(head), bytes.Clone(tail)
	return a, nil
}
