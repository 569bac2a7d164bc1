package agent

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
)

// Deadlines and schedules of the collectors. Fast ones run between a frozen
// batch and its quote, so their deadline is what a hung one may add to it.
const (
	fastDeadline = 2 * time.Second
	gpuDeadline  = 10 * time.Second // a full sweep of eight GPUs takes tenths of a second; a driver that reinitialises takes seconds
	hostDeadline = 10 * time.Second
	hostEvery    = 10 * time.Second
	gpuEvery     = 10 * time.Second // what moves faster is telemetry
)

// GPU reads the GPUs: the probe process, or a simulation of it.
type GPU interface {
	Snapshot(context.Context) (*gpu.Claims, error)
}

// GPUSource reads all of the GPUs every ten seconds, or every interval where that is
// longer. An open NVML answers in tens of milliseconds, too long between a frozen batch
// and its quote, and too often each second: telemetry asks for what moves.
func GPUSource(g GPU, interval time.Duration) Source {
	return Source{Kind: attest.KindGPU, Every: max(interval, gpuEvery), Deadline: gpuDeadline,
		Check: func(b []byte) error { _, err := gpu.Parse(b); return err },
		Collect: func(ctx context.Context) (any, error) {
			c, err := g.Snapshot(ctx)
			if err != nil && ctx.Err() == nil {
				return nil, &attest.AbsentError{Absence: gpu.AsAbsence(err)}
			}
			return c, err
		}}
}

// HostOptions say what of the host is read.
type HostOptions struct {
	Root    fs.FS // the host's root
	System  func(context.Context) (*host.System, []attest.Absence)
	Serials bool
	// Complete states the NVML library and the driver's file, as the probe process has them mapped; may be nil.
	Complete func(context.Context, *host.Claims)
	Now      func() time.Time
}

// HostSource reads the host every ten seconds: none of it changes faster, and
// walking the PCI tree takes longer than a quote.
func HostSource(o HostOptions) Source {
	r := &host.Reader{Root: o.Root, System: o.System, Serials: o.Serials, Now: o.Now}
	return Source{Kind: attest.KindHost, Every: hostEvery, Deadline: hostDeadline,
		Check: func(b []byte) error { _, err := host.Parse(b); return err },
		Collect: func(ctx context.Context) (any, error) {
			c := r.Read(ctx)
			if o.Complete != nil {
				o.Complete(ctx, c)
			}
			return c, nil
		}}
}

// EngineSource reads the engines' processes, open files and digests' state after the batch is frozen.
// watch notices changes for the runtime log; may be nil.
func EngineSource(c *engine.Collector, watch *EngineWatch) Source {
	return Source{Kind: attest.KindEngine, Deadline: fastDeadline,
		Check: func(b []byte) error { _, err := engine.Parse(b); return err },
		Collect: func(ctx context.Context) (any, error) {
			claims, err := c.Collect(ctx)
			if err == nil && watch != nil {
				watch.look(claims)
			}
			return claims, err
		}}
}

// Hashing is the background work that keeps digests of large files.
func Hashing(d *engine.Digests, log *slog.Logger) func(context.Context) {
	return func(ctx context.Context) {
		if err := d.Run(ctx); err != nil && ctx.Err() == nil {
			log.Error("hashing of models ended: what is not measured yet stays absent", "err", err)
		}
	}
}
