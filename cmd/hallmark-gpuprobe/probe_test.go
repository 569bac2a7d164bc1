package main_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/hw"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// These tests run the probe that ships: linked as documented, loading a library
// through the real dlopen, driven by the agent's own side of the pipe.

var (
	update = flag.Bool("update", false, "write the golden files")

	probePath string // the built probe
	libraries map[nvml.Variant]string
	skipWhy   string
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hallmark-gpuprobe-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	err = buildAll(dir)
	if errors.Is(err, nvml.ErrNoCompiler) {
		skipWhy = err.Error()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func buildAll(dir string) error {
	libraries = make(map[nvml.Variant]string)
	for _, v := range []nvml.Variant{nvml.Full, nvml.WithoutNew, nvml.WithoutUUID, nvml.WithoutInit} {
		at := filepath.Join(dir, "lib-"+string(v))
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		lib, err := nvml.Build(at, v)
		if err != nil {
			return err
		}
		libraries[v] = lib
	}
	probePath = filepath.Join(dir, "hallmark-gpuprobe")
	return build(probePath, "-Wl,-z,lazy")
}

func build(out, extld string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", `-s -w -extldflags "`+extld+`"`, "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "CGO_CFLAGS=-Wno-deprecated-declarations")
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build probe: %w: %s", err, b)
	}
	return nil
}

// host is a directory with a library of its own, so tests do not share its conf.
type host struct {
	t     *testing.T
	dir   string
	probe *hw.Probe
}

func newHost(t *testing.T, v nvml.Variant, c nvml.Conf) *host {
	t.Helper()
	if skipWhy != "" {
		t.Skip(skipWhy)
	}
	h := &host{t: t, dir: t.TempDir()}
	b, err := os.ReadFile(libraries[v])
	if err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(h.dir, nvml.Soname)
	if err := os.WriteFile(lib, b, 0o755); err != nil {
		t.Fatal(err)
	}
	h.conf(c)
	h.probe = newProbe(t, lib)
	return h
}

func newProbe(t *testing.T, library string) *hw.Probe {
	t.Helper()
	if skipWhy != "" {
		t.Skip(skipWhy)
	}
	p := hw.NewProbe(probePath, library, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (h *host) conf(c nvml.Conf) {
	h.t.Helper()
	if err := nvml.WriteConf(h.dir, c); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) snapshot() *gpu.Claims {
	h.t.Helper()
	c, err := h.probe.Snapshot(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// wantAbsent asks once and expects the whole kind to be absent.
func wantAbsent(t *testing.T, p *hw.Probe, reason attest.Reason, detail string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := p.Snapshot(ctx)
	var absent *attest.AbsentError
	if !errors.As(err, &absent) {
		t.Fatalf("got %v, want an absence", err)
	}
	if a := absent.Absence; a.What != "gpu" || a.Reason != reason || !strings.Contains(a.Detail, detail) {
		t.Errorf("got %v, want gpu: %s: ...%s...", err, reason, detail)
	}
}
