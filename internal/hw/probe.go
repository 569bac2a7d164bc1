package hw

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// Times of the probe.
const (
	// ProbeDeadline is the longest a snapshot may take if the caller sets no deadline. The
	// first one on a host without persistence mode initialises every GPU and can take
	// longer: an agent that starts should ask once, early, with a deadline of its own.
	ProbeDeadline = 10 * time.Second

	minBackoff = time.Second
	maxBackoff = time.Minute
	reapTime   = 200 * time.Millisecond // what an ended process takes at most to be reaped
	closeGrace = time.Second            // between the end of stdin and the kill, and again after it
)

// Probe holds the long-lived hallmark-gpuprobe process and asks it, one request
// at a time. Whatever happens to that process, hung driver, missing symbol, crash,
// becomes an *attest.AbsentError here, and no later than the caller's deadline.
type Probe struct {
	path, library string
	log           *slog.Logger
	now           func() time.Time

	turn chan struct{} // holds one token while a request is in flight

	mu       sync.Mutex // guards what follows; never held while waiting
	child    *child
	stuck    *child // killed and not yet gone
	failures int
	last     attest.Absence // of the last failure
	retry    time.Time      // no new child before this
	closed   bool

	hung   hung             // GPUs that do not answer
	behind []*child         // killed for a hung GPU, and maybe not yet gone
	why    string           // what became of the process before the next one
	facts  []telemetry.Fact // for the next sweep
}

// NewProbe prepares a probe; the process starts with the first Snapshot. Library
// is what the probe loads: "libnvidia-ml.so.1", or an absolute path where the
// library is not on the loader's own search path, since the probe's environment
// carries no LD_LIBRARY_PATH.
func NewProbe(path, library string, log *slog.Logger) *Probe {
	return &Probe{path: absolute(path), library: absolute(library), log: log, now: time.Now, turn: make(chan struct{}, 1), hung: make(hung)}
}

// take waits for the turn to speak with the process.
func (p *Probe) take(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return p.over(ctx, "an earlier request is still in flight")
	}
}

func (p *Probe) release() { <-p.turn }

// request asks c for one thing; an error it answers with is an absence.
func (p *Probe) request(ctx context.Context, c *child, method string, params any) ([]byte, error) {
	reply, err := c.ask(ctx, method, params)
	if err != nil {
		return nil, p.failed(ctx, c, err)
	}
	if e := reply.Error; e != nil {
		p.settled(c, e)
		return nil, absent(e.Reason, "%s", e.Detail)
	}
	return reply.Result, nil
}

// running returns a live child that has said hello, starting one if it may.
func (p *Probe) running(ctx context.Context) (*child, error) {
	p.mu.Lock()
	leaving := p.stuck
	p.mu.Unlock()
	if leaving != nil {
		leaving.endsWithin(ctx, reapTime)
	}
	c, fresh, err := p.obtain()
	if err != nil || !fresh {
		return c, err
	}
	if err := c.awaitStart(ctx); ctx.Err() != nil {
		return nil, p.failed(ctx, c, err)
	} else if err != nil {
		p.forget(c)
		return nil, startAbsent(p.path, err)
	}
	reply, err := c.ask(ctx, gpu.MethodHello, nil)
	if err == nil && reply.Error != nil {
		err = fmt.Errorf("hello refused: %s", reply.Error.Detail)
	}
	var hello gpu.Hello
	if err == nil {
		hello, err = gpu.ParseHello(reply.Result)
	}
	if err != nil {
		return nil, p.failed(ctx, c, err)
	}
	p.startedAnew(c)
	p.log.Info("gpu probe started", "pid", c.pid(), "version", hello.Version, "library", p.library)
	return c, nil
}

// obtain returns the child, or a fresh one if there is none and one may start.
func (p *Probe) obtain() (c *child, fresh bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false, absent(attest.NotLoaded, "the probe is closed")
	}
	if p.child != nil && !p.child.gone() {
		return p.child, false, nil
	}
	if p.child != nil {
		dead := p.child
		p.child = nil
		dead.kill()
		p.record(dead.diedAt, crash(dead))
	}
	if p.stuck != nil && !p.stuck.gone() {
		return nil, false, absent(attest.Timeout, "probe %d was killed and does not end: the driver holds it", p.stuck.pid())
	}
	p.stuck = nil
	if wait := p.retry.Sub(p.now()); wait > 0 {
		return nil, false, absent(p.last.Reason, "%s; next try in %s", p.last.Detail, wait.Round(time.Millisecond))
	}
	c, err = start(p.path, p.library)
	if err != nil {
		return nil, false, startAbsent(p.path, err)
	}
	p.child = c
	return c, true, nil
}

// forget puts away a child that never ran. It is no failure of the probe: the next
// request tries again at once.
func (p *Probe) forget(c *child) {
	p.mu.Lock()
	p.child = nil
	p.mu.Unlock()
	c.kill()
}

// failed puts away a child that did not answer, or answered with what is no reply.
func (p *Probe) failed(ctx context.Context, c *child, err error) error {
	var why attest.Absence
	switch {
	case ctx.Err() != nil:
		why = attest.Absent(string(attest.KindGPU), attest.Timeout, "no answer before the deadline; probe killed")
	case c.endsWithin(ctx, reapTime):
		why = crash(c)
	default:
		why = attest.Absent(string(attest.KindGPU), attest.Failed, "%v", err)
	}
	c.kill()
	p.mu.Lock()
	p.child, p.stuck, p.why = nil, c, "a request was cancelled; probe killed"
	cancelled := errors.Is(ctx.Err(), context.Canceled)
	if !cancelled {
		p.record(p.now(), why)
	}
	p.mu.Unlock()
	p.log.Warn("gpu probe failed", "pid", c.pid(), "reason", string(why.Reason), "err", err)
	if cancelled {
		return fmt.Errorf("gpu probe: %w", context.Canceled)
	}
	return &attest.AbsentError{Absence: why}
}

// record notes a failure at t and doubles the pause before the next start. p.mu is held.
func (p *Probe) record(t time.Time, why attest.Absence) {
	pause := min(minBackoff<<min(p.failures, 6), maxBackoff)
	p.failures++
	p.last, p.retry, p.why = why, t.Add(pause), string(why.Reason)+": "+why.Detail
}

// settled notes that c answered. A child that met an unloaded driver, or one of
// another release than the library, holds that library for life; it is let go, and
// the next request starts one that loads what is installed by then.
func (p *Probe) settled(c *child, e *gpu.ReplyError) {
	p.mu.Lock()
	p.failures = 0
	retire := e != nil && e.Reason == attest.NotLoaded && p.child == c
	if retire {
		p.child, p.stuck, p.why = nil, c, string(e.Reason)+": "+e.Detail
	}
	p.mu.Unlock()
	if retire {
		c.kill()
	}
}

func (p *Probe) over(ctx context.Context, detail string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("gpu probe: %w", context.Canceled)
	}
	return absent(attest.Timeout, "%s", detail)
}

// PID is the process id of the probe, 0 if none runs. What is read of it under
// /proc may be that of another process once it ended: compare start times.
func (p *Probe) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil || p.child.gone() {
		return 0
	}
	return p.child.pid()
}

// Close ends the process: first by closing its stdin, then by killing it. It does
// not wait for one that the kernel will not let go. A request in flight ends with
// an absence.
func (p *Probe) Close() error {
	p.mu.Lock()
	c := p.child
	p.child, p.closed = nil, true
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	c.stdin.Close()
	defer c.kill() // closes what is left open
	if c.endsWithin(context.Background(), closeGrace) {
		return nil
	}
	c.kill()
	if !c.endsWithin(context.Background(), closeGrace) {
		return fmt.Errorf("gpu probe: process %d was killed and does not end", c.pid())
	}
	return nil
}

// absolute makes paths independent of the directory the probe runs in, which is the
// root. A bare name is for the loader, or for PATH, to find.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil && strings.Contains(path, "/") {
		return abs
	}
	return path
}

func absent(r attest.Reason, format string, args ...any) error {
	return &attest.AbsentError{Absence: attest.Absent(string(attest.KindGPU), r, format, args...)}
}

func startAbsent(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return absent(attest.NotPresent, "%s is missing: install it beside hallmark-agent, or configure its path", path)
	case errors.Is(err, os.ErrPermission):
		return absent(attest.NotPermitted, "%s may not be executed", path)
	}
	return absent(attest.Failed, "%v", err)
}
