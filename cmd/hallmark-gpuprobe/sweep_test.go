package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

const (
	firstKey = "00000000:18:00.0"
	hungKey  = "00000000:5d:00.0" // GPU 3 of the simulated H100 host
)

func (h *host) sweep(p gpu.SweepParams) *gpu.Sweep {
	h.t.Helper()
	s, err := h.probe.Sweep(h.t.Context(), p)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// more adds lines to the configuration, for keys that Conf has no field for.
func (h *host) more(c nvml.Conf, lines string) {
	h.t.Helper()
	h.conf(c)
	path := filepath.Join(h.dir, nvml.Soname+".conf")
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path+".more", append(b, lines+"\n"...), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".more", path)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func why(s *gpu.Sweep, what string) attest.Absence {
	i := slices.IndexFunc(s.Absent, func(a attest.Absence) bool { return a.What == what })
	if i < 0 {
		return attest.Absence{}
	}
	return s.Absent[i]
}

func TestSweepReadsEveryModel(t *testing.T) {
	for _, m := range []struct {
		profile     string
		gpus, links int
		least       int // values of a minute's sweep
	}{
		{nvml.H100, 8, 18, 45}, {nvml.A100, 4, 12, 45}, {nvml.L40S, 2, 0, 25},
	} {
		t.Run(m.profile, func(t *testing.T) {
			h := newHost(t, nvml.Full, nvml.Conf{Profile: m.profile, Load: 60})
			s := h.sweep(gpu.SweepParams{Minute: true})
			if len(s.Devices) != m.gpus || len(s.Stuck) != 0 {
				t.Fatalf("%d GPUs, %v", len(s.Devices), s.Stuck)
			}
			for _, d := range s.Devices {
				links := 0
				for f := range d.Values.All {
					if _, of := f.Link(); of == telemetry.NVLinkActive {
						links++
					}
				}
				power, _ := d.Values.Get(telemetry.EnforcedLimit)
				total, _ := d.Values.Get(telemetry.MemoryTotal)
				if links != m.links || power < 300000 || total < 40<<30 || len(d.Values)/2 < m.least {
					t.Errorf("%s: %d links, %d mW, %d bytes, %d values", d.Key, links, power, total, len(d.Values)/2)
				}
			}
			for _, a := range s.Absent {
				if a.Reason != attest.NotSupported && a.Reason != attest.NotYet || strings.HasSuffix(a.What, "]") {
					t.Errorf("%s: %s: %s", a.What, a.Reason, a.Detail)
				}
			}
			t.Logf("%d values, absent: %v", len(s.Devices[0].Values)/2, s.Absent)
		})
	}
}

func TestSweepsSayTheSameOfWhatIsAbsent(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{})
	h.sweep(gpu.SweepParams{Minute: true})
	var lists [][]attest.Absence
	for range 3 {
		time.Sleep(120 * time.Millisecond) // two GPM samples apart
		s := h.sweep(gpu.SweepParams{})
		lists = append(lists, s.Absent)
		if _, ok := s.Devices[0].Values.Get(telemetry.MemoryTotal); ok {
			t.Error("a constant outside the minute")
		}
		if v, ok := s.Devices[0].Values.Get(telemetry.Energy); !ok || v <= 0 {
			t.Errorf("energy %d, %v", v, ok)
		}
	}
	if !slices.Equal(lists[0], lists[1]) || !slices.Equal(lists[1], lists[2]) {
		t.Errorf("absences change:\n%v\n%v\n%v", lists[0], lists[1], lists[2])
	}
}

func TestSweepSurvivesAnOlderLibrary(t *testing.T) {
	h := newHost(t, nvml.WithoutNew, nvml.Conf{})
	s := h.sweep(gpu.SweepParams{Minute: true})
	if a := why(s, "gpu[*].reserved_bytes"); a.Reason != attest.NotSupported || !strings.Contains(a.Detail, "missing in this driver") {
		t.Errorf("%v", a)
	}
	for _, f := range []telemetry.Field{telemetry.MemoryUsed, telemetry.MemoryTotal, telemetry.Reasons, telemetry.GPUTemperature} {
		if _, ok := s.Devices[7].Values.Get(f); !ok {
			t.Errorf("no %s", f)
		}
	}
}

func TestSweepIsAbsentWithTheLibrary(t *testing.T) {
	for mode, reason := range map[string]attest.Reason{
		nvml.ModeNotLoaded: attest.NotLoaded, nvml.ModeNoPermission: attest.NotPermitted, nvml.ModeNoDevices: attest.NotPresent,
	} {
		h := newHost(t, nvml.Full, nvml.Conf{Mode: mode})
		if _, err := h.probe.Sweep(t.Context(), gpu.SweepParams{}); gpu.AsAbsence(err).Reason != reason {
			t.Errorf("%s: %v", mode, err)
		}
		h.conf(nvml.Conf{})
		if s := h.sweep(gpu.SweepParams{}); len(s.Devices) != 8 {
			t.Errorf("%s: %d GPUs once the cause is gone", mode, len(s.Devices))
		}
	}
	p := newProbe(t, filepath.Join(t.TempDir(), "nothing.so"))
	if _, err := p.Sweep(t.Context(), gpu.SweepParams{}); gpu.AsAbsence(err).Reason != attest.NotPresent {
		t.Errorf("no library: %v", err)
	}
}

func TestSweepReportsTheOthersWhenAGPUIsLost(t *testing.T) {
	three := 3
	for key, lost := range map[string]nvml.Conf{hungKey: {Lost: &three}, "#3": {LostHandle: &three}} {
		h := newHost(t, nvml.Full, nvml.Conf{})
		h.sweep(gpu.SweepParams{Minute: true})
		h.conf(lost)
		for range 2 {
			s := h.sweep(gpu.SweepParams{Minute: true})
			if a := why(s, "gpu["+key+"]"); len(s.Devices) != 7 || a.Reason != attest.Failed || a.Detail != "NVML 15: GPU is lost" {
				t.Errorf("%d GPUs, %v", len(s.Devices), a)
			}
		}
	}
}

func TestSweepListsProcessesOnce(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Processes: []nvml.Process{
		{GPU: 0, PID: 4242, Bytes: 1 << 30, Kind: "compute"},
		{GPU: 0, PID: 77, Bytes: nvml.NotAvailable, Kind: "compute"},
		{GPU: 0, PID: 4242, Bytes: 2 << 30, Kind: "compute"},
		{GPU: 0, PID: 5, Bytes: 1, Kind: "graphics"},
	}})
	got := h.sweep(gpu.SweepParams{}).Devices[0].Processes
	if len(got) != 2 || got[0].PID != 77 || got[0].UsedBytes != nil || got[1].PID != 4242 || *got[1].UsedBytes != 3<<30 {
		t.Errorf("%+v", got)
	}
}
