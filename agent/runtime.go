package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// registerTPM is a TPM that can keep a runtime log: a register of its own can be read and extended.
type registerTPM interface {
	ReadPCR(ctx context.Context, pcr uint) (map[uint16][]byte, error)
	ExtendPCR(ctx context.Context, pcr uint, digests map[uint16][]byte) error
}

// pcrRegister is one register of a TPM as package runlog asks for it.
type pcrRegister struct {
	tpm registerTPM
	pcr uint
}

func (r pcrRegister) Read(ctx context.Context) (map[uint16][]byte, error) {
	return r.tpm.ReadPCR(ctx, r.pcr)
}

func (r pcrRegister) Extend(ctx context.Context, digests map[uint16][]byte) error {
	return r.tpm.ExtendPCR(ctx, r.pcr, digests)
}

// runtimeLog is the collector's runtime log over one register: which agent started on
// this boot, and which engines it saw. It never stands in the way of an answer: a host on
// which it cannot be kept says why, in its claims, and answers without it.
type runtimeLog struct {
	index  uint // of the register, as records state it
	path   string
	bootID func() ([16]byte, error)
	clock  func() time.Time
	start  func() runlog.Facts
	log    *slog.Logger

	mu      sync.Mutex
	events  *runlog.Log
	absence attest.Absence // why there is no log, while events is nil
	started bool           // this process has recorded its start
}

// wanted reports whether there is to be a log.
func (r *runtimeLog) wanted() bool { return r.index != 0 && r.bootID != nil }

// Files of runtime logs in the state directory.
const (
	runtimeFile = "runtime.cel"    // in a register of the TPM
	rtmrFile    = "runtime-td.cel" // in RTMR3 of a TD
)

func newRuntimeLog(o CollectorOptions, file string, index uint, start func() runlog.Facts) *runtimeLog {
	r := &runtimeLog{index: index, path: filepath.Join(o.Config.StateDir, file), bootID: o.BootID,
		clock: o.Now, start: start, log: o.Log}
	r.absence = attest.Absent("", attest.NotYet, "its register is not open yet")
	if !r.wanted() {
		r.absence = attest.Absent("", attest.NotConfigured, "no runtime log")
	}
	return r
}

// openTPM opens the log over a TPM that was opened (again). The caller has the TPM to itself.
func (r *runtimeLog) openTPM(ctx context.Context, t TPM) {
	if register, able := t.(registerTPM); able {
		r.open(ctx, pcrRegister{register, r.index})
	}
}

// open begins or continues the log. The caller has the register to itself.
func (r *runtimeLog) open(ctx context.Context, register runlog.Register) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wanted() {
		return
	}
	if r.events != nil {
		_ = r.events.Close() // of a TPM that was lost
		r.events = nil
	}
	if err := r.reopen(ctx, register); err != nil {
		reason := attest.Failed
		if errors.Is(err, runlog.ErrForeign) {
			reason = attest.Changed
		}
		r.absence = attest.Absent("", reason, "register %d: %s", r.index, attest.Clean(err.Error()))
		r.log.Warn("no runtime log in this boot: evidence says so, nothing else changes", "register", r.index, "err", err)
	}
}

func (r *runtimeLog) reopen(ctx context.Context, register runlog.Register) error {
	id, err := r.bootID()
	if err != nil {
		return fmt.Errorf("boot id: %w", err)
	}
	events, err := runlog.Open(ctx, runlog.Options{Path: r.path, BootID: id, PCR: uint8(r.index), Register: register, Clock: r.clock})
	if err != nil {
		return err
	}
	if !r.started {
		if _, err := events.Append(ctx, runlog.TypeStart, r.start()); err != nil && !errors.Is(err, runlog.ErrPending) {
			return errors.Join(err, events.Close())
		}
		r.started = true
	}
	r.events = events
	return nil
}

// none says why the log cannot be opened.
func (r *runtimeLog) none(why attest.Absence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absence = why
}

// state is the register for the claims, or why there is none.
func (r *runtimeLog) state() (register uint, absence *attest.Absence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		a := r.absence
		return 0, &a
	}
	return r.index, nil
}

// opening reports whether the log may still come.
func (r *runtimeLog) opening() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events == nil && r.absence.Reason == attest.NotYet
}

// append records an event; the caller has the register to itself.
func (r *runtimeLog) append(ctx context.Context, typ runlog.Type, facts runlog.Facts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		return
	}
	_, err := r.events.Append(ctx, typ, facts)
	switch {
	case err == nil, errors.Is(err, runlog.ErrPending):
	case errors.Is(err, runlog.ErrForeign), errors.Is(err, runlog.ErrFull):
		r.absence = attest.Absent("", attest.Changed, "register %d: %s", r.index, attest.Clean(err.Error()))
		r.log.Warn("runtime log ended: evidence says so, nothing else changes", "err", err)
		_ = r.events.Close()
		r.events = nil
	default:
		r.log.Warn("runtime event not recorded", "type", typ, "err", err)
	}
}

// read is the LogReader of the log.
func (r *runtimeLog) read(_ context.Context, offset uint64, most int) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		return nil, false, &attest.AbsentError{Absence: r.absence}
	}
	return r.events.Part(offset, most)
}

// close leaves the file to the next start.
func (r *runtimeLog) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events != nil {
		_ = r.events.Close()
		r.events, r.absence = nil, attest.Absent("", attest.Failed, "the agent is shutting down")
	}
}
