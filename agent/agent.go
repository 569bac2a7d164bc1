package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Agent is a running node: one or both halves.
type Agent struct {
	Config *Config
	Log    *slog.Logger
	Now    func() time.Time // default time.Now
	Batch  BatchOptions
	// Collector is the half of this process; nil: the one behind Config.Collector.Socket.
	Collector *Collector
	// Keys are the listed validators. Reload them with Keys.Load.
	Keys *Keyring
	// Listener and Metrics replace the configured addresses.
	Listener, Metrics net.Listener
	// Ready is called once requests are answered.
	Ready func()
}

// warmLimit is how long the start waits for the first readings.
const warmLimit = 15 * time.Second

// Run serves until ctx ends, drains, and returns.
func (a *Agent) Run(ctx context.Context) error {
	now := a.Now
	if now == nil {
		now = time.Now
	}
	used, err := OpenSingleUse(a.Config.StateDir, millis(now()))
	if err != nil {
		return err
	}
	defer used.Close()
	half, stop, err := a.startCollector(ctx)
	if err != nil {
		return err
	}
	defer stop() // after the front end has drained: it still needs evidence
	f, err := NewFrontend(FrontendOptions{Config: a.Config, Half: half, Keys: a.Keys, Used: used, Log: a.Log, Now: now, Batch: a.Batch})
	if err != nil {
		return err
	}
	return a.serve(ctx, f)
}

// startCollector runs this process's collector, behind a pipe for all but evidence, or points at the other process's.
func (a *Agent) startCollector(ctx context.Context) (Half, func(), error) {
	if a.Collector == nil {
		if a.Config.Collector.Socket == "" {
			return nil, nil, fmt.Errorf("agent: neither a collector nor collector.socket")
		}
		c := DialLink(a.Config.Collector.Socket)
		return c, c.Close, nil
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	client, wg := Connect(run, a.Collector, a.Log)
	wg.Go(func() { a.Collector.Run(run) })
	select {
	case <-a.Collector.Warm():
	case <-time.After(warmLimit):
		a.Log.Warn("first readings are slow: what is missing is stated as absent until it comes")
	case <-ctx.Done():
	}
	return near{client, a.Collector}, func() { cancel(); client.Close(); wg.Wait() }, nil
}

// near is a collector of the same process. Evidence goes past the link, which
// would copy it at each end and wake who reads there, for each quote.
type near struct {
	*LinkClient
	half Half
}

// Evidence implements Half.
func (n near) Evidence(ctx context.Context, p *EvidenceParams) ([]byte, error) {
	return n.half.Evidence(withQuoting(ctx, func() { go quoting(ctx) }), p) // the command to the TPM goes first
}

// Connect makes a client of h over a pipe; the group ends after ctx and the client are done.
func Connect(ctx context.Context, h Half, log *slog.Logger) (*LinkClient, *sync.WaitGroup) {
	var wg sync.WaitGroup
	s := &LinkServer{Half: h, Log: log}
	return NewLinkClient(func(context.Context) (net.Conn, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		ours, theirs := net.Pipe()
		wg.Go(func() { s.ServeConn(ctx, theirs) })
		return ours, nil
	}), &wg
}

// serve opens the listeners and runs them until ctx ends or one fails.
func (a *Agent) serve(ctx context.Context, f *Frontend) error {
	l, m := a.Listener, a.Metrics
	var err error
	if l == nil {
		if l, err = net.Listen("tcp", a.Config.Listen); err != nil {
			return fmt.Errorf("listen: %w: choose another address or stop what holds it", err)
		}
	}
	if m == nil && a.Config.Metrics != "" {
		if m, err = net.Listen("tcp", a.Config.Metrics); err != nil {
			l.Close()
			return fmt.Errorf("metrics: %w: choose another address, or \"\" for none", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	failed := make(chan error, 2)
	run := func(what string, g func() error) {
		wg.Go(func() {
			if err := g(); err != nil {
				failed <- fmt.Errorf("%s: %w", what, err)
				cancel() // one server without the other is no node
			}
		})
	}
	run("https", func() error { return f.Serve(ctx, l) })
	if m != nil {
		run("metrics", func() error { return f.ServeMetrics(ctx, m) })
	}
	a.Log.Info("serving", "listen", l.Addr().String(), "tls_key", f.TLSKey().Short(), "validators", a.Keys.Len(),
		"open", a.Config.Validators.Open, "profile", attest.Profile)
	if a.Ready != nil {
		a.Ready()
	}
	<-ctx.Done()
	wg.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
