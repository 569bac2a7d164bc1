package tdx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-configfs-tsm/configfs/configfsi"
	"github.com/google/go-configfs-tsm/report"
)

// Provider is what the driver of TDX guests calls itself in the report tree.
const Provider = "tdx_guest"

var (
	// ErrHung says that the driver has held an earlier request for longer than the kernel itself would wait.
	ErrHung = errors.New("hung")
	// ErrBlob says that the driver answered with something that is not a quote over the report data that was asked for.
	ErrBlob = errors.New("not a quote over this report data")
	// ErrEntries says that entries stay in the report tree although they were removed; no more are made.
	ErrEntries = errors.New("entries cannot be removed from " + reportDir)
)

// Options of a Device. Client and Files are required; of the rest the zero value is the default.
type Options struct {
	Client configfsi.Client // rooted where the kernel's tree is
	Files  Files

	// Wait bounds one quote where the context does not: 40 s, more than the 30 s after which the kernel gives up.
	Wait time.Duration
	// Hung is how long an earlier request may take before later ones are refused at once: 40 s.
	Hung time.Duration
	// Backoff is the pause before the second attempt: 50 ms. It doubles up to 2 s.
	Backoff time.Duration
}

const (
	defaultWait    = 40 * time.Second
	defaultHung    = 40 * time.Second
	defaultBackoff = 50 * time.Millisecond
	maxBackoff     = 2 * time.Second
)

// Device is the one user of the report tree: one request at a time. Its methods may be called from any goroutine, and none
// outlasts its context; a request that has begun cannot be called back, it goes on alone and cleans up after itself.
type Device struct {
	o     Options
	turn  chan struct{}
	since atomic.Pointer[time.Time] // when the request that has the turn began

	// The rest belongs to whoever has the turn.
	swept bool
	left  []string // entries that could not be removed
}

// New returns a device; it looks at nothing yet.
func New(o Options) (*Device, error) {
	if o.Client == nil || o.Files == nil {
		return nil, errors.New("tdx: no client or no files")
	}
	for _, d := range []struct {
		v    *time.Duration
		zero time.Duration
	}{{&o.Wait, defaultWait}, {&o.Hung, defaultHung}, {&o.Backoff, defaultBackoff}} {
		if *d.v <= 0 {
			*d.v = d.zero
		}
	}
	return &Device{o: o, turn: make(chan struct{}, 1)}, nil
}

// Detect makes an entry in the report tree, looks whose it is and removes it.
func (d *Device) Detect(ctx context.Context) error {
	_, err := run(ctx, d, "detect", func(ctx context.Context) (struct{}, error) { return struct{}{}, d.detect(ctx) })
	return err
}

func (d *Device) detect(ctx context.Context) error {
	c := &watched{d: d, ctx: ctx}
	r, err := report.CreateOpenReport(c)
	if err != nil {
		return d.explain(c.cause(err))
	}
	provider, err := r.ReadOption("provider")
	if destroyed := r.Destroy(); err == nil {
		err = destroyed
	}
	if err != nil {
		return d.explain(c.cause(err))
	}
	return d.checkProvider(string(provider))
}

// Quote returns the TD's quote over report data, without what the driver pads it with. Where the driver is busy it tries
// again until ctx ends, with pauses that grow.
func (d *Device) Quote(ctx context.Context, reportData [64]byte) ([]byte, error) {
	return run(ctx, d, "quote", func(ctx context.Context) ([]byte, error) {
		pause := d.o.Backoff
		for n := 1; ; n++ {
			q, err := d.attempt(ctx, reportData)
			if err == nil || !passing(err) {
				return q, d.explain(err)
			}
			select {
			case <-ctx.Done():
				return nil, fmt.Errorf("%w after %d attempts: %w", ctx.Err(), n, err)
			case <-time.After(pause):
			}
			pause = min(2*pause, maxBackoff)
		}
	})
}

// attempt makes an entry of its own, asks and removes the entry.
func (d *Device) attempt(ctx context.Context, reportData [64]byte) ([]byte, error) {
	c := &watched{d: d, ctx: ctx}
	r, err := report.Get(c, &report.Request{InBlob: bytes.Clone(reportData[:])})
	if err != nil {
		return nil, c.cause(err)
	}
	if err := d.checkProvider(r.Provider); err != nil {
		return nil, err
	}
	return cutBlob(r.OutBlob, reportData)
}

// run gives f its turn, in a goroutine that outlives ctx where the driver does.
func run[T any](ctx context.Context, d *Device, step string, f func(context.Context) (T, error)) (T, error) {
	var none T
	ctx, cancel := context.WithTimeout(ctx, d.o.Wait)
	defer cancel()
	if err := d.take(ctx); err != nil {
		return none, fmt.Errorf("tdx %s: %w", step, err)
	}
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer d.give()
		if err := d.sweep(); err != nil {
			done <- result{none, err}
			return
		}
		v, err := f(ctx)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return none, fmt.Errorf("tdx %s: %w", step, r.err)
		}
		return r.v, nil
	case <-ctx.Done():
		return none, fmt.Errorf("tdx %s: the driver has not answered: %w: the quote comes from the host's quote generation service; its operator's log says why", step, ctx.Err())
	}
}

func (d *Device) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.turn <- struct{}{}:
	default:
		if t := d.since.Load(); t != nil && time.Since(*t) > d.o.Hung {
			return fmt.Errorf("%w: the driver has held a request for %s; if it does not come back restart the TD", ErrHung, time.Since(*t).Round(time.Second))
		}
		select {
		case d.turn <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("another request holds the driver: %w", ctx.Err())
		}
	}
	now := time.Now()
	d.since.Store(&now)
	return nil
}

func (d *Device) give() {
	d.since.Store(nil)
	<-d.turn
}

// entryPrefix is how entries of ours begin.
const entryPrefix = "hallmark-"

// sweep removes what could not be removed before and, at the first use, what an agent left that was killed. Should that take
// an entry from another hallmark process, its attempt fails with ENOENT and is made again.
func (d *Device) sweep() error {
	if !d.swept {
		list, err := d.o.Client.ReadDir(reportDir)
		if err == nil {
			d.swept = true
		}
		for _, e := range list {
			if strings.HasPrefix(e.Name(), entryPrefix) {
				d.left = append(d.left, reportDir+"/"+e.Name())
			}
		}
	}
	var left []string
	for _, name := range d.left {
		if err := d.o.Client.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			left = append(left, name)
		}
	}
	if d.left = left; len(left) > maxLeft {
		return fmt.Errorf("%d of them: %w", len(left), ErrEntries)
	}
	return nil
}

// watched is the client as one attempt uses it. The library flattens errors to text; here they are kept. After the context's end
// nothing is begun any more, but what was made is removed.
type watched struct {
	d   *Device
	ctx context.Context
	err error // the first that the client gave
}

// cause is the client's error where there is one, else the library's.
func (c *watched) cause(err error) error {
	if c.err != nil {
		return c.err
	}
	return err
}

func (c *watched) keep(err error) error {
	if err != nil && c.err == nil {
		c.err = err
	}
	return err
}

func (c *watched) MkdirTemp(dir, _ string) (string, error) {
	if err := c.ctx.Err(); err != nil {
		return "", c.keep(err)
	}
	name, err := c.d.o.Client.MkdirTemp(dir, entryPrefix)
	return name, c.keep(err)
}

func (c *watched) ReadFile(name string) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, c.keep(err)
	}
	b, err := c.d.o.Client.ReadFile(name)
	if err == nil && len(b) > MaxBlob {
		err = fmt.Errorf("%s: %d bytes, limit %d: %w", name, len(b), MaxBlob, ErrBlob)
	}
	return b, c.keep(gone(err))
}

func (c *watched) WriteFile(name string, b []byte) error {
	if err := c.ctx.Err(); err != nil {
		return c.keep(err)
	}
	return c.keep(gone(c.d.o.Client.WriteFile(name, b)))
}

func (c *watched) ReadDir(name string) (list []fs.DirEntry, err error) {
	return c.d.o.Client.ReadDir(name)
}

// RemoveAll never fails: what it cannot remove is not the quote's fault, and is tried again.
func (c *watched) RemoveAll(name string) error {
	if err := c.d.o.Client.RemoveAll(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.d.left = append(c.d.left, name)
	}
	return nil
}

// errGone marks an entry that somebody removed under us.
var errGone = errors.New("the entry was removed by somebody else")

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %v", errGone, err)
	}
	return err
}

// passing reports an error that a later attempt may not meet: the driver's buffer is taken, the host was slow, or
// somebody else wrote to our entry, in which case the quote may be over other report data.
func passing(err error) bool {
	var generation *report.GenerationErr
	for _, e := range []error{syscall.EBUSY, syscall.ETIMEDOUT, syscall.EAGAIN, syscall.EINTR, errGone} {
		if errors.Is(err, e) {
			return true
		}
	}
	return errors.As(err, &generation)
}
