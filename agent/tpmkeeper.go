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

// tpmKeeper holds the open TPM or the reason why there is none. A configured
// TPM that is missing never turns into a node without TPM.
type tpmKeeper struct {
	open func(context.Context) (TPM, error)
	log  *slog.Logger

	mu    sync.Mutex
	tpm   TPM
	err   error
	lostC chan struct{}
}

func newTPMKeeper(open func(context.Context) (TPM, error), log *slog.Logger) *tpmKeeper {
	return &tpmKeeper{open: open, log: log, err: errTPMNotYet, lostC: make(chan struct{}, 1)}
}

// get returns the TPM or a refusal that says why there is none.
func (k *tpmKeeper) get() (TPM, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tpm == nil {
		return nil, unavailable("tpm", k.err)
	}
	return k.tpm, nil
}

func (k *tpmKeeper) set(t TPM, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tpm, k.err = t, err
}

// failed is told about each failed operation; a lost key makes the keeper open the TPM again.
func (k *tpmKeeper) failed(err error) {
	if errors.Is(err, ErrTPMLost) {
		select {
		case k.lostC <- struct{}{}:
		default:
		}
	}
}

// run opens the TPM, again and again with growing pauses, until ctx ends.
// opened is called once the first attempt has ended either way.
func (k *tpmKeeper) run(ctx context.Context, opened func()) {
	pause := tpmRetryFirst
	for ctx.Err() == nil {
		t, err := k.attempt(ctx)
		k.set(t, err)
		opened()
		if err == nil {
			k.log.Info("tpm opened", "ueid", attest.UEIDFromAK(t.AKName()).Short())
			pause = tpmRetryFirst
			select {
			case <-k.lostC:
				k.set(nil, ErrTPMLost)
			case <-ctx.Done():
				k.set(nil, errors.New("the agent is shutting down"))
			}
			if err := t.Close(); err != nil {
				k.log.Warn("tpm not closed", "err", err)
			}
			continue
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
func (k *tpmKeeper) attempt(ctx context.Context) (TPM, error) {
	ctx, cancel := context.WithTimeout(ctx, tpmOpenLimit)
	defer cancel()
	t, err := k.open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := t.Claims(ctx); err != nil {
		k.log.Warn("tpm claims not read: challenges are refused until they can be", "err", err)
	}
	return t, nil
}
