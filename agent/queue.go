package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// queue holds the challenges that wait for a quote. Keys take turns in it: where
// more wait than fit under one root, each key has one challenge in the batch
// before any has two, and the turns go on in the next batch. So a validator who
// asks a hundred times at once delays himself alone. Keys that are not listed
// cost nothing to make and count as one key; they may fill half of the queue.
type queue struct {
	most, share int
	count       int
	lanes       map[attest.Class]*lane
	perKey      map[attest.Digest]int
}

// lane is the queue of one class.
type lane struct {
	turns []attest.Digest // keys that wait, the next one first
	of    map[attest.Digest][]*queued
}

func newQueue(most, share int) *queue {
	return &queue{most: most, share: share, lanes: map[attest.Class]*lane{}, perKey: map[attest.Digest]int{}}
}

// unlistedKey stands for all keys that are not listed.
var unlistedKey attest.Digest

// queueRetry is when a queue that was full is worth another try: some quotes of a slow TPM later.
const queueRetry = 2 * time.Second

// add puts q behind its key's others, or refuses.
func (s *queue) add(q *queued) error {
	most, whose := min(s.share, s.most), "this key's share of the queue for evidence"
	if q.key == unlistedKey {
		most, whose = s.most/2, "the share that unlisted keys have of the queue for evidence"
	}
	switch {
	case s.count >= s.most:
		return &Refusal{Name: attest.ProblemRate, Detail: "the queue for evidence is full", Retry: queueRetry}
	case s.perKey[q.key] >= most:
		return &Refusal{Name: attest.ProblemRate, Detail: fmt.Sprintf("%s is full: %d wait", whose, most), Retry: queueRetry}
	}
	l := s.lanes[q.class]
	if l == nil {
		l = &lane{of: map[attest.Digest][]*queued{}}
		s.lanes[q.class] = l
	}
	if len(l.of[q.key]) == 0 {
		l.turns = append(l.turns, q.key)
	}
	l.of[q.key] = append(l.of[q.key], q)
	s.changed(q, 1)
	return nil
}

// take takes up to limit challenges of a class, key by key. Who went away meanwhile takes no leaf.
func (s *queue) take(class attest.Class, limit int) []*queued {
	l := s.lanes[class]
	if l == nil {
		return nil
	}
	var batch []*queued
	for len(batch) < limit && len(l.turns) > 0 {
		key := l.turns[0]
		l.turns = l.turns[1:]
		q := l.of[key][0]
		s.changed(q, -1)
		if l.of[key] = l.of[key][1:]; len(l.of[key]) > 0 {
			l.turns = append(l.turns, key)
		} else {
			delete(l.of, key)
		}
		if q.ctx.Err() == nil {
			batch = append(batch, q)
		}
	}
	return batch
}

// remove takes out one who goes away, if he still waits.
func (s *queue) remove(q *queued) {
	l := s.lanes[q.class]
	if l == nil {
		return
	}
	i := slices.Index(l.of[q.key], q)
	if i < 0 {
		return
	}
	s.changed(q, -1)
	if l.of[q.key] = slices.Delete(l.of[q.key], i, i+1); len(l.of[q.key]) == 0 {
		delete(l.of, q.key)
		l.turns = slices.DeleteFunc(l.turns, func(k attest.Digest) bool { return k == q.key })
	}
}

// drain takes all that wait.
func (s *queue) drain() []*queued {
	var all []*queued
	for class := range s.lanes {
		all = append(all, s.take(class, s.count)...)
	}
	return all
}

// changed counts one more or one less.
func (s *queue) changed(q *queued, by int) {
	s.count += by
	if s.perKey[q.key] += by; s.perKey[q.key] == 0 {
		delete(s.perKey, q.key)
	}
}
