package agent

import (
	"context"
	"slices"
	"sync"
)

// turn lets one at a time work with the TPM. Evidence goes before everything
// else that waits: package tpm serves in the order of arrival, so a listed
// validator that enrols in a loop would delay everybody's evidence there.
type turn struct {
	mu     sync.Mutex
	taken  bool
	first  []chan struct{} // evidence, oldest first
	second []chan struct{} // enrolment, oldest first
}

// take waits for the turn, or for ctx: then it returns ctx's error and the turn is not taken.
func (t *turn) take(ctx context.Context, evidence bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	queue := &t.second
	if evidence {
		queue = &t.first
	}
	mine := make(chan struct{})
	*queue = append(*queue, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(*queue, mine)
	if i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it was handed over at the same moment
		t.give()
	}
	return ctx.Err()
}

// give hands the turn to who is next.
func (t *turn) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, queue := range []*[]chan struct{}{&t.first, &t.second} {
		if len(*queue) > 0 {
			close((*queue)[0])
			*queue = slices.Delete(*queue, 0, 1)
			return
		}
	}
	t.taken = false
}
