package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// Schedule of the TPM's claims. Package tpm remembers what it has read, so a
// reading costs nothing, unless endorsement keys could not be read: those are
// tried again, which takes a slow chip seconds, and so no oftener than this.
const (
	claimsEvery    = time.Minute
	claimsDeadline = 30 * time.Second
)

// heldTPM is an open TPM and the last claims that could be read from it. They
// hold for as long as its key lives, so evidence takes them from here and is
// neither late nor missing because the TPM is slow; obtained_at says when they were read.
type heldTPM struct {
	TPM
	reader *reader
	lost   chan struct{} // one token once an operation said that the key or device is gone

	mu   sync.Mutex
	last stated
}

func newHeldTPM(t TPM, events func() (uint, *attest.Absence)) *heldTPM {
	h := &heldTPM{TPM: t, lost: make(chan struct{}, 1)}
	h.reader = newReader(Source{Kind: attest.KindTPM, Deadline: claimsDeadline,
		Check: func(b []byte) error { _, err := tpm.Parse(b); return err },
		Collect: func(ctx context.Context) (any, error) {
			c, err := t.Claims(ctx)
			h.failed(err)
			if claims, ok := c.(*tpm.Claims); ok && err == nil {
				c = claims.WithRuntimeLog(events())
			}
			return c, err
		}})
	h.last = h.reader.last
	return h
}

// failed is told about each failed operation of this TPM. What an older handle
// says later concerns that handle alone.
func (h *heldTPM) failed(err error) {
	if errors.Is(err, ErrTPMLost) {
		select {
		case h.lost <- struct{}{}:
		default:
		}
	}
}

// stated returns the last claims, or why there never were any.
func (h *heldTPM) stated() stated {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// reread reads the claims and keeps them, or keeps the old ones and returns why.
func (h *heldTPM) reread(ctx context.Context) *attest.Absence {
	s := h.reader.read(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.absence == nil || h.last.absence != nil {
		h.last = s
	}
	return s.absence
}
