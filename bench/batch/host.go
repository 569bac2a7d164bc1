package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-attest/hallmark/agent"
	"github.com/hallmark-attest/hallmark/attest/host/sysinfo"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/proc"
	simengine "github.com/hallmark-attest/hallmark/internal/sim/engine"
	"github.com/hallmark-attest/hallmark/internal/sim/node"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// modelWidth is that of the demonstration: four layers of 640 x 640 numbers of 2 bytes.
const modelWidth = 640

// host is what both sides stand on: one probe over simulated GPUs, one simulated engine, one authority.
type host struct {
	dir       string
	full      bool
	authority *swtpm.Authority
	probe     *hw.Probe
	engine    *node.Engine
	served    engine.Config
}

func (h *host) String() string {
	if h.full {
		return "full evidence (tpm, host, 8 simulated gpus, engine)"
	}
	return "evidence of tpm alone"
}

func newHost(ctx context.Context, dir string, o options) (h *host, err error) {
	h = &host{dir: dir, full: o.kinds == "all"}
	if h.authority, err = swtpm.NewAuthority(filepath.Join(dir, "authority")); err != nil || !h.full {
		return h, err
	}
	defer func() {
		if err != nil {
			h.stop()
		}
	}()
	if err := h.startProbe(o.bin); err != nil {
		return nil, err
	}
	return h, h.startEngine(ctx, o.bin)
}

func (h *host) startProbe(bin string) error {
	dir := filepath.Join(h.dir, "nvml")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	library, err := nvml.Build(dir, nvml.Full)
	if err != nil {
		return err
	}
	if err := nvml.WriteConf(dir, nvml.Conf{Profile: nvml.H100, Load: 60}); err != nil {
		return err
	}
	program, err := filepath.Abs(filepath.Join(bin, "hallmark-gpuprobe"))
	if err != nil {
		return err
	}
	h.probe = hw.NewProbe(program, library, slog.New(slog.DiscardHandler))
	return nil
}

func (h *host) startEngine(ctx context.Context, bin string) (err error) {
	dir := filepath.Join(h.dir, "engine")
	model := filepath.Join(dir, "model")
	if err := simengine.WriteModel(model, 1, modelWidth); err != nil {
		return err
	}
	program := filepath.Join(dir, "demo-engine")
	if err := node.CopyProgram(filepath.Join(bin, "hallmark-demo"), program, nil); err != nil {
		return fmt.Errorf("%w: build all programs with `make build`", err)
	}
	if h.engine, err = node.NewEngine(dir); err != nil {
		return err
	}
	h.served = engine.Config{Engines: []engine.EngineConfig{{Name: "main", Endpoint: h.engine.Endpoint(), Models: []string{model},
		Declared: engine.Declared{Model: "demo-7b", Precision: "bf16", TensorParallel: 8}}}}
	return h.engine.Run(ctx, program, filepath.Join(model, simengine.File))
}

// sources are wired as the agent's command wires them.
func (h *host) sources(c *agent.Config) ([]agent.Source, []func(context.Context), error) {
	if !h.full {
		return nil, nil, nil
	}
	p, log := proc.FS{Root: "/proc"}, slog.New(slog.DiscardHandler)
	probed := &agent.Probed{Proc: p, Root: "/", Log: log, PID: h.probe.PID, Library: nvml.Soname}
	digests := engine.NewDigests(engine.DigestOptions{})
	eng, err := engine.NewCollector(h.served, p, digests, time.Now)
	if err != nil {
		return nil, nil, err
	}
	return []agent.Source{
			agent.GPUSource(h.probe, time.Duration(c.GPU.Interval)),
			agent.HostSource(agent.HostOptions{Root: os.DirFS("/"), System: sysinfo.Reader{Root: "/"}.Read, Complete: probed.Complete, Now: time.Now}),
			agent.EngineSource(eng, nil),
		}, []func(context.Context){agent.Hashing(digests, log), func(ctx context.Context) { _ = eng.Run(ctx) }}, // ends with ctx
		nil
}

func (h *host) stop() error {
	var errs []error
	if h.engine != nil {
		errs = append(errs, h.engine.Stop())
	}
	if h.probe != nil {
		errs = append(errs, h.probe.Close())
	}
	return errors.Join(errs...)
}
