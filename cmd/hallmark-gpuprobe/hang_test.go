package main_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

func TestOneHungGPUSilencesNoOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]nvml.Conf{"one call": {HangCall: "nvmlDeviceGetTemperature"}, "every call": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, nvml.Full, nvml.Conf{})
			if s := h.sweep(gpu.SweepParams{Minute: true}); len(s.Devices) != 8 {
				t.Fatalf("%d GPUs before", len(s.Devices))
			}
			pid := h.probe.PID()
			h.more(c, "hang-gpu=3")
			h.hangs(gpu.SweepParams{Minute: true, BudgetMillis: 500})
			c, err := h.probe.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(c.GPUs) != 8 || len(c.Stuck()) != 1 || c.GPUs[0].UUID == nil || c.GPUs[7].Memory == nil {
				t.Errorf("snapshot: %d GPUs, %v", len(c.GPUs), c.Absent)
			}
			h.replaced(pid)
		})
	}
}

// hangs makes sweeps until GPU 3 is stuck, at once, and checks that it costs the
// others one budget and no more.
func (h *host) hangs(p gpu.SweepParams) {
	h.t.Helper()
	for i := range 3 {
		begin := time.Now()
		s := h.sweep(p)
		took := time.Since(begin)
		if len(s.Devices) != 7 || len(s.Stuck) != 1 || !strings.HasPrefix(s.Stuck[0].Call, "nvmlDevice") {
			h.t.Fatalf("sweep %d: %d GPUs, stuck %v, absent %v", i, len(s.Devices), s.Stuck, s.Absent)
		}
		a := why(s, "gpu["+s.Stuck[0].Key+"]")
		if a.Reason != attest.Timeout || !strings.Contains(a.Detail, " has not returned for ") {
			h.t.Errorf("sweep %d: %v", i, s.Absent)
		}
		if i > 0 && took > 400*time.Millisecond {
			h.t.Errorf("sweep %d took %s: the stuck GPU is waited for again", i, took)
		}
	}
}

// replaced makes sweeps until the probe was replaced and the GPU is left alone.
func (h *host) replaced(pid int) {
	h.t.Helper()
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		s := h.sweep(gpu.SweepParams{BudgetMillis: 500})
		if len(s.Devices) != 7 {
			h.t.Fatalf("%d GPUs: %v", len(s.Devices), s.Absent)
		}
		i := slices.IndexFunc(s.Facts, func(f telemetry.Fact) bool { return f.Name == telemetry.FactProbe })
		if i < 0 {
			continue
		}
		if f := s.Facts[i]; f.Value == int64(pid) || f.Value != int64(h.probe.PID()) || !strings.Contains(f.Text, "has not returned for") {
			h.t.Errorf("%+v", f)
		}
		if why(s, "gpu["+hungKey+"]").Reason != attest.Timeout {
			h.t.Errorf("after the restart: %v, stuck %v", s.Absent, s.Stuck)
		}
		return
	}
	h.t.Error("the probe was not replaced")
}

func TestHungGPUComesBackAfterItsPause(t *testing.T) {
	t.Parallel()
	h := newHost(t, nvml.Full, nvml.Conf{})
	h.sweep(gpu.SweepParams{Minute: true})
	pid := h.probe.PID()
	h.more(nvml.Conf{HangCall: "nvmlDeviceGetTemperature"}, "hang-gpu=3")
	h.hangs(gpu.SweepParams{Minute: true, BudgetMillis: 500})
	h.replaced(pid)
	if n := probes(t, h.dir); n != 1 {
		t.Errorf("%d processes, want the new one alone", n)
	}
	h.conf(nvml.Conf{})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if s := h.sweep(gpu.SweepParams{Minute: true}); len(s.Devices) == 8 {
			return
		}
	}
	t.Error("the GPU was not asked again")
}

func TestEveryGPUHungIsEightAbsences(t *testing.T) {
	t.Parallel()
	h := newHost(t, nvml.Full, nvml.Conf{HangCall: "nvmlDeviceGetSerial"})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	c, err := h.probe.Snapshot(ctx)
	if err != nil || len(c.Stuck()) != 8 || c.GPUs[0].PCI == nil {
		t.Fatalf("%v, %+v", err, c)
	}
	begin := time.Now()
	if c, err = h.probe.Snapshot(t.Context()); err != nil || len(c.Stuck()) != 8 || time.Since(begin) > time.Second {
		t.Errorf("the second snapshot took %s, %v", time.Since(begin), err)
	}
}

func TestSweepThatCrashesIsToldAndForgotten(t *testing.T) {
	t.Parallel()
	h := newHost(t, nvml.Full, nvml.Conf{CrashCall: "nvmlDeviceGetUtilizationRates"})
	if _, err := h.probe.Sweep(t.Context(), gpu.SweepParams{}); gpu.AsAbsence(err).Reason != attest.Crashed {
		t.Fatalf("%v", err)
	}
	h.conf(nvml.Conf{})
	time.Sleep(1100 * time.Millisecond)
	s := h.sweep(gpu.SweepParams{})
	if len(s.Devices) != 8 || len(s.Facts) != 1 || s.Facts[0].Name != telemetry.FactProbe || !strings.HasPrefix(s.Facts[0].Text, "crashed: ") {
		t.Errorf("%d GPUs, %+v", len(s.Devices), s.Facts)
	}
}

func TestRestartsLeakNothing(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Mode: nvml.ModeNotLoaded}) // a driver that is not loaded retires the process
	restart := func() {
		if _, err := h.probe.Sweep(t.Context(), gpu.SweepParams{}); gpu.AsAbsence(err).Reason != attest.NotLoaded {
			t.Fatal(err)
		}
	}
	fds := func() int {
		time.Sleep(300 * time.Millisecond)
		list, _ := os.ReadDir("/proc/self/fd")
		return len(list)
	}
	restart()
	before := fds()
	for range 50 {
		restart()
	}
	if after := fds(); after > before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
	if n := probes(t, h.dir); n > 0 {
		t.Errorf("%d processes are left", n)
	}
	if f := h.probe.Facts(); len(f) != 50 && len(f) != telemetry.MaxFacts {
		t.Errorf("%d facts of 50 restarts", len(f))
	}
}

// probes counts the processes that were told to load the library in dir.
func probes(t *testing.T, dir string) (n int) {
	list, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if b, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil && strings.Contains(string(b), dir) {
			n++
		}
	}
	return n
}
