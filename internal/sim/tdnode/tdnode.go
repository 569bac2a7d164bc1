// Package tdnode runs a node inside a simulated trust domain: the agent's own collector
// and front end in this process, over a simulated TSM tree. It has no TPM and no GPUs; host
// and engine are read for real. The shipped agent opens the kernel's own tree and nothing
// else, so a simulated TD cannot be given to it.
package tdnode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host/sysinfo"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// Options describe a node. All are required.
type Options struct {
	Dir    string // of its state: the node key lies there, and with it its name
	Keys   string // glob of validators' public keys
	TD     agent.TD
	Engine engine.Config
	BootID [16]byte
}

// Node is a running node.
type Node struct {
	URL  string
	Stop func() error
}

// Start starts the node and waits until it answers.
func Start(ctx context.Context, o Options) (*Node, error) {
	c := agent.DefaultConfig()
	c.StateDir, c.Metrics, c.TPM.Device, c.GPU.Library = o.Dir, "", agent.None, agent.None
	c.Validators = agent.ValidatorsConfig{Keys: []string{o.Keys}, PerMinute: 6000}
	keys, err := agent.NewKeyring(c.Validators.Keys)
	if err != nil {
		return nil, fmt.Errorf("td node: %w", err)
	}
	log, inputs, watch := slog.New(slog.DiscardHandler), agent.ReadInputs(&c, "/"), agent.NewEngineWatch()
	probed := &agent.Probed{Proc: proc.FS{Root: "/proc"}, Root: "/", Log: log}
	if err := probed.MeasureSelf(ctx); err != nil {
		return nil, fmt.Errorf("td node: %w", err)
	}
	digests := engine.NewDigests(engine.DigestOptions{})
	eng, err := engine.NewCollector(o.Engine, proc.FS{Root: "/proc"}, digests, time.Now)
	if err != nil {
		return nil, fmt.Errorf("td node: %w", err)
	}
	col, err := agent.NewCollector(agent.CollectorOptions{Config: &c, Version: "td", TD: o.TD, Log: log, Now: time.Now, Engines: watch,
		BootID: func() ([16]byte, error) { return o.BootID, nil }, Blocks: eng.Blocks,
		Sources: []agent.Source{agent.EngineSource(eng, watch),
			agent.HostSource(agent.HostOptions{Root: os.DirFS("/"), System: sysinfo.Reader{Root: "/"}.Read, Now: time.Now})},
		Background: []func(context.Context){agent.Hashing(digests, log), func(ctx context.Context) { _ = eng.Run(ctx) }}, // ends with ctx
		Inputs:     func() attest.Inputs { return inputs }, Software: probed.Software})
	if err != nil {
		return nil, fmt.Errorf("td node: %w", err)
	}
	return run(ctx, &agent.Agent{Config: &c, Log: log, Collector: col, Keys: keys})
}

func run(ctx context.Context, a *agent.Agent) (*Node, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("td node: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ready, done := make(chan struct{}), make(chan error, 1)
	a.Listener, a.Ready = l, func() { close(ready) }
	go func() { done <- a.Run(ctx) }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		return nil, fmt.Errorf("td node: %w", errors.Join(err, errors.New("it ended before it answered")))
	}
	return &Node{URL: "https://" + l.Addr().String(), Stop: func() error { cancel(); return <-done }}, nil
}
