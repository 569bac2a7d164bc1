package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// How often a missing TPM is looked for, and how long opening may take: a slow
// chip needs seconds to make the key and to read its certificates.
const (
	tpmRetryFirst = time.Second
	tpmRetryMost  = time.Minute
	tpmOpenLimit  = time.Minute
)

var errTPMNotYet = errors.New("being opened")

// tpmKeeper holds the open TPM and its claims, or the reason why there is none.
// A configured TPM that is missing never turns into a node without TPM.
type tpmKeeper struct {
	open   func(context.Context) (TPM, error)
	turn   *turn // whose turn it is with the TPM, once it is open
	events *runtimeLog
	log    *slog.Logger

	mu   sync.Mutex
	held *heldTPM
	err  error
}

func newTPMKeeper(open func(context.Context) (TPM, error), turn *turn, events *runtimeLog, log *slog.Logger) *tpmKeeper {
	return &tpmKeeper{open: open, turn: turn, events: events, log: log, err: errTPMNotYet}
}

// get returns the TPM or a refusal that says why there is none.
func (k *tpmKeeper) get() (*heldTPM, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil {
		return nil, unavailable("tpm", k.err)
	}
	return k.held, nil
}

func (k *tpmKeeper) set(h *heldTPM, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held, k.err = h, err
}

// run opens the TPM, again and again with growing pauses, until ctx ends.
// opened is called once the first attempt has ended either way.
func (k *tpmKeeper) run(ctx context.Context, opened func()) {
	pause := tpmRetryFirst
	for ctx.Err() == nil {
		h, err := k.attempt(ctx)
		k.set(h, err)
		opened()
		if err == nil {
			k.log.Info("tpm opened", "ueid", attest.UEIDFromAK(h.AKName()).Short())
			start := time.Now()
			err = k.hold(ctx, h)
			k.set(nil, err)
			if err := h.Close(); err != nil {
				k.log.Warn("tpm not closed", "err", err)
			}
			if time.Since(start) > tpmRetryMost {
				pause = tpmRetryFirst
			}
		}
		k.log.Warn("tpm not available: challenges are refused until it is", "err", err, "again", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, tpmRetryMost)
	}
}

// attempt opens the TPM and reads its claims once, which fetches the slow parts.
func (k *tpmKeeper) attempt(ctx context.Context) (*heldTPM, error) {
	ctx, cancel := context.WithTimeout(ctx, tpmOpenLimit)
	defer cancel()
	t, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	k.events.openTPM(ctx, t) // before the first claims and quotes, which speak of it
	h := newHeldTPM(t, k.events.state)
	k.reread(ctx, h)
	return h, nil
}

// hold keeps the claims fresh until the key is lost or ctx ends, and says which.
func (k *tpmKeeper) hold(ctx context.Context, h *heldTPM) error {
	pause := tpmRetryFirst
	for {
		if h.stated().absence == nil {
			pause = claimsEvery
		}
		select {
		case <-h.lost:
			return ErrTPMLost
		case <-ctx.Done():
			return errors.New("the agent is shutting down")
		case <-time.After(pause):
		}
		pause = min(2*pause, claimsEvery)
		if k.turn.take(ctx, false) == nil {
			k.reread(ctx, h)
			k.turn.give()
		}
	}
}

// reread reads the claims; the caller has the turn.
func (k *tpmKeeper) reread(ctx context.Context, h *heldTPM) {
	if a := h.reread(ctx); a != nil && ctx.Err() == nil {
		k.log.Warn("tpm claims not read", "reason", a.Reason, "err", a.Detail, "kept", h.stated().absence == nil)
	}
}
