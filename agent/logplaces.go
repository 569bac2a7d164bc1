package agent

import (
	"context"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
)

// maxLogReaders bounds the answers with logs that are being read or written: each may hold MaxResponseSize twice, as parts and encoded.
const maxLogReaders = 2

// logPlaces gives out places for answers with logs. A validator has one at a
// time: whoever reads its answers slowly waits for itself, and not all others for it.
type logPlaces struct {
	all chan struct{}

	mu   sync.Mutex
	keys map[attest.Digest]*logKey
}

// logKey is a validator that has a place or waits for one.
type logKey struct {
	turn  chan struct{}
	users int
}

func newLogPlaces(most int) *logPlaces {
	return &logPlaces{all: make(chan struct{}, most), keys: map[attest.Digest]*logKey{}}
}

// take waits for a place, which belongs to the key until give is called.
func (p *logPlaces) take(ctx context.Context, key attest.Digest) (give func(), err error) {
	k := p.enter(key)
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		p.leave(key)
		return nil, ctx.Err()
	}
	select {
	case p.all <- struct{}{}:
	case <-ctx.Done():
		<-k.turn
		p.leave(key)
		return nil, ctx.Err()
	}
	return func() { <-p.all; <-k.turn; p.leave(key) }, nil
}

func (p *logPlaces) enter(key attest.Digest) *logKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.keys[key]
	if k == nil {
		k = &logKey{turn: make(chan struct{}, 1)}
		p.keys[key] = k
	}
	k.users++
	return k
}

func (p *logPlaces) leave(key attest.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys[key].users--; p.keys[key].users == 0 {
		delete(p.keys, key)
	}
}
