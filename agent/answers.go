package agent

import (
	"context"
	"sync"

	"github.com/hallmark-attest/hallmark/attest"
)

// queued is one challenge whose own answer is ready.
type queued struct {
	ctx    context.Context
	class  attest.Class
	key    attest.Digest // zero: not listed
	leaf   attest.Digest
	answer []byte
	out    chan batchResult // of capacity one, so that the batcher never waits for an asker
}

type batchResult struct {
	response *attest.Response
	err      error
}

// answers is a batch with its evidence, or with why there is none. Nil is a batch of nobody.
type answers struct {
	batch    []*queued
	paths    [][]attest.Digest
	evidence []byte
	err      error
	once     sync.Once
}

// crowd is how many were given evidence together. A single asker is none: he is never waited for.
func (a *answers) crowd() int {
	if a == nil || a.err != nil || len(a.batch) < 2 {
		return 0
	}
	return len(a.batch)
}

// handOut gives each asker his answer; later calls do nothing.
func (a *answers) handOut() {
	if a == nil {
		return
	}
	a.once.Do(func() {
		for i, q := range a.batch {
			if a.err != nil {
				q.out <- batchResult{err: a.err}
				continue
			}
			path := a.paths[i]
			if path == nil {
				path = []attest.Digest{}
			}
			q.out <- batchResult{response: &attest.Response{Evidence: a.evidence, Answer: q.answer, Size: uint32(len(a.batch)), Index: uint32(i),
				Path: path, Logs: map[string]attest.Part{}}}
		}
	})
}
