package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host/sysinfo"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// hostRoot is the one host this program reads: its own.
const hostRoot = "/"

// newCollector wires this host's devices. store is where telemetry is kept, "" for memory alone. close ends
// what it started outside Collector.Run.
func newCollector(ctx context.Context, c *agent.Config, store string, log *slog.Logger) (col *agent.Collector, close func(), err error) {
	p := proc.FS{Root: "/proc"}
	o := agent.CollectorOptions{Config: c, Version: buildVersion(), Engines: agent.NewEngineWatch(), BootID: bootID, Log: log, Now: time.Now}
	o.Logs, o.Related = newLogs(c, o.Engines)
	close = func() {}
	probed := &agent.Probed{Proc: p, Root: hostRoot, Log: log}
	if c.GPU.Library != agent.None {
		probe := hw.NewProbe(c.GPU.Probe, c.GPU.Library, log)
		close = func() {
			if err := probe.Close(); err != nil {
				log.Warn("GPU probe not closed", "err", err)
			}
		}
		probed.PID, probed.Library = probe.PID, libraryName(c.GPU.Library)
		o.Sources = append(o.Sources, agent.GPUSource(probe, time.Duration(c.GPU.Interval)))
		o.Telemetry = newRecorder(c, probe, store, log)
	}
	if err := probed.MeasureSelf(ctx); err != nil {
		return nil, close, fmt.Errorf("own executable: %w", err)
	}
	o.Sources = append(o.Sources, agent.HostSource(agent.HostOptions{Root: os.DirFS(hostRoot), System: sysinfo.Reader{Root: hostRoot}.Read,
		Serials: c.Host.DMISerials, Complete: probed.Complete, Now: time.Now}))
	if len(c.Engines) > 0 {
		digests := newDigests(c, log)
		eng, err := engine.NewCollector(engineConfig(c), p, digests, time.Now)
		if err != nil {
			return nil, close, fmt.Errorf("engines: %w", err)
		}
		o.Sources = append(o.Sources, agent.EngineSource(eng, o.Engines))
		o.Blocks = eng.Blocks
		o.Background = append(o.Background, agent.Hashing(digests, log), func(ctx context.Context) { _ = eng.Run(ctx) }) // ends with ctx
	}
	if c.TDX.Report != agent.None {
		td, err := hw.OpenTDX(c.TDX.Report)
		if err != nil {
			return nil, close, err
		}
		o.TD = td
	}
	if c.TPM.Device != agent.None {
		o.OpenTPM = func(ctx context.Context) (agent.TPM, error) { return openTPM(ctx, c, log) }
	}
	inputs := agent.ReadInputs(c, hostRoot)
	o.Inputs, o.Software = func() attest.Inputs { return inputs }, probed.Software
	col, err = agent.NewCollector(o)
	return col, close, err
}

// storeOf is where an agent that serves keeps telemetry.
func storeOf(c *agent.Config) string { return filepath.Join(c.StateDir, "telemetry") }

// newRecorder records what the probe's sweeps give. A host without boot id, which Linux
// always has, would make its chains of different boots look like one: zeros say so.
func newRecorder(c *agent.Config, probe recorder.Sweeper, store string, log *slog.Logger) *recorder.Recorder {
	boot, err := bootID()
	if err != nil {
		log.Warn("no boot id: telemetry does not say which boot it is of", "err", err)
	}
	return recorder.New(recorder.Options{Sweeper: probe, Interval: time.Duration(c.GPU.Interval), Dir: store, Retention: time.Duration(c.Telemetry.Retention),
		MaxBytes: c.Telemetry.MaxBytes, BootID: boot, Version: buildVersion(), Clock: recorder.HostClock(), Log: log})
}

func openTPM(ctx context.Context, c *agent.Config, log *slog.Logger) (agent.TPM, error) {
	device := c.TPM.Device
	if hw.IsRawTPM(device) {
		log.Warn("raw TPM device: no other program can use it meanwhile; prefer /dev/tpmrm0", "device", device)
	}
	t, err := hw.OpenTPM(device)
	if err != nil {
		return nil, err
	}
	_, ima := c.LogPaths()
	return agent.NewTPM(ctx, t, device, time.Now, tpm.Options{Moving: ima != agent.None})
}

// libraryName is the beginning of the mapped file's base name: "libnvidia-ml.so"
// also where the loader resolved it to "libnvidia-ml.so.550.54.15".
func libraryName(library string) string {
	base := path.Base(library)
	if before, _, ok := strings.Cut(base, ".so"); ok {
		return before + ".so"
	}
	return base
}

func engineConfig(c *agent.Config) engine.Config {
	var out engine.Config
	for _, e := range c.Engines {
		d := engine.Declared{Model: e.Declared.Model, Precision: e.Declared.Precision, TensorParallel: uint64(e.Declared.TensorParallel), Alone: e.Declared.Alone}
		if g := e.Declared.Speculation; g != nil {
			most := uint64(*g)
			d.Speculation = &most
		}
		out.Engines = append(out.Engines, engine.EngineConfig{Name: e.Name, Endpoint: e.Endpoint, Public: e.Public, Models: e.Models, Declared: d})
	}
	return out
}
