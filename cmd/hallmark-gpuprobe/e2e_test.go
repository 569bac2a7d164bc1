package main_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

func TestProbeReadsEveryModel(t *testing.T) {
	for _, m := range []struct {
		profile      string
		gpus, links  int
		device, mib  uint64
		name, remote string
	}{
		{nvml.H100, 8, 18, 0x2330, 81559, "NVIDIA H100 80GB HBM3", "switch"},
		{nvml.A100, 4, 12, 0x20B2, 81920, "NVIDIA A100-SXM4-80GB", "gpu"},
		{nvml.L40S, 2, 0, 0x26B9, 46068, "NVIDIA L40S", ""},
	} {
		t.Run(m.profile, func(t *testing.T) {
			h := newHost(t, nvml.Full, nvml.Conf{Profile: m.profile})
			c := h.snapshot()
			if len(c.GPUs) != m.gpus || len(c.Pairs) != m.gpus*(m.gpus-1)/2 {
				t.Fatalf("%d GPUs and %d pairs", len(c.GPUs), len(c.Pairs))
			}
			for _, d := range c.GPUs {
				if d.PCI.DeviceID != m.device || d.Memory.TotalBytes != m.mib<<20 || *d.Name != m.name || len(d.Links) != m.links {
					t.Errorf("%s: id %x, %d bytes, %q, %d links", d.PCI.Address, d.PCI.DeviceID, d.Memory.TotalBytes, *d.Name, len(d.Links))
				}
				for _, l := range d.Links {
					if *l.RemoteType != m.remote || !*l.Active || *l.Speed < 25000 {
						t.Errorf("%s: link %d to %s", d.PCI.Address, l.Number, *l.RemoteType)
					}
				}
			}
			for _, a := range c.Absent {
				if a.Reason != attest.NotSupported {
					t.Errorf("%s: %s: %s", a.What, a.Reason, a.Detail)
				}
			}
			t.Logf("%s: %v", m.profile, c.Absent)
		})
	}
}

func TestProbeReportsDifferentHostsForDifferentSeeds(t *testing.T) {
	seen := make(map[string]bool)
	for seed := range uint64(3) {
		h := newHost(t, nvml.Full, nvml.Conf{Seed: seed + 1})
		for _, d := range h.snapshot().GPUs {
			if seen[*d.UUID] || seen[*d.Serial] {
				t.Errorf("seed %d: %s or %s twice", seed+1, *d.UUID, *d.Serial)
			}
			seen[*d.UUID], seen[*d.Serial] = true, true
		}
	}
}

func TestProbeMatchesPowerAndLoad(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Profile: nvml.A100})
	idle := h.snapshot().GPUs[0]
	time.Sleep(20 * time.Millisecond)
	later := h.snapshot().GPUs[0]
	if *later.Power.Energy <= *idle.Power.Energy {
		t.Errorf("energy %d, then %d mJ", *idle.Power.Energy, *later.Power.Energy)
	}
	h.conf(nvml.Conf{Profile: nvml.A100, Load: 100})
	busy := h.snapshot().GPUs[0]
	if *busy.Power.Usage <= *idle.Power.Usage || *busy.Clocks.SM <= *idle.Clocks.SM || busy.Utilisation.GPU != 100 || *busy.Throttle.Reasons != 4 {
		t.Errorf("busy: %d mW, %d MHz, %d%%, reasons %x", *busy.Power.Usage, *busy.Clocks.SM, busy.Utilisation.GPU, *busy.Throttle.Reasons)
	}
}

func TestProbeSeesTheGPUsMove(t *testing.T) {
	motion := nvml.Motion{Moving: true, TimeScale: 1000}
	h := newHost(t, nvml.Full, nvml.Conf{Load: 100, Motion: motion})
	cold := h.snapshot().GPUs[0]
	time.Sleep(200 * time.Millisecond)
	hot := h.snapshot().GPUs[0]
	if *hot.Temperature.GPU < *cold.Temperature.GPU+20 || *hot.Temperature.Memory <= *cold.Temperature.Memory {
		t.Errorf("%d C, then %d C", *cold.Temperature.GPU, *hot.Temperature.GPU)
	}
	if *hot.Power.Energy-*cold.Power.Energy < 100*600000 || *hot.Throttle.SWPowerCap <= *cold.Throttle.SWPowerCap || *hot.Throttle.Reasons != 4 {
		t.Errorf("energy grew by %d mJ, reasons %x", *hot.Power.Energy-*cold.Power.Energy, *hot.Throttle.Reasons)
	}
	hundred := 100
	h.conf(nvml.Conf{Load: 100, Motion: motion, Faults: nvml.Faults{FakeUtilisation: &hundred}})
	h.snapshot()
	time.Sleep(20 * time.Millisecond)
	if d := h.snapshot().GPUs[0]; d.Utilisation.GPU != 100 || *d.Power.Usage > 80000 {
		t.Errorf("faked: %d%% at %d mW", d.Utilisation.GPU, *d.Power.Usage)
	}
}

func TestProbeInitialisesAgainAfterTheDriverWas(t *testing.T) {
	at := 1.0
	epoch := nvml.Motion{EpochMillis: nvml.BootMillis()} // the agent starts another probe after an absence
	h := newHost(t, nvml.Full, nvml.Conf{Motion: epoch, Faults: nvml.Faults{DriverReload: &at}})
	before := h.snapshot()
	time.Sleep(1100 * time.Millisecond)
	wantAbsent(t, h.probe, attest.NotLoaded, "NVML 1")
	wantAbsent(t, h.probe, attest.NotLoaded, "NVML 9")
	time.Sleep(2 * time.Second)
	if after := h.snapshot(); *after.GPUs[0].Power.Energy >= *before.GPUs[0].Power.Energy {
		t.Error("energy did not begin at zero")
	}
}

func TestProbeTellsWhyTheKindIsAbsent(t *testing.T) {
	for _, m := range []struct {
		mode   string
		reason attest.Reason
		detail string
	}{
		{nvml.ModeNotLoaded, attest.NotLoaded, "NVML 9"},
		{nvml.ModeVersionMismatch, attest.NotLoaded, "NVML 18"},
		{nvml.ModeNoPermission, attest.NotPermitted, "NVML 4"},
		{nvml.ModeNoDevices, attest.NotPresent, "no NVIDIA device"},
	} {
		t.Run(m.mode, func(t *testing.T) {
			h := newHost(t, nvml.Full, nvml.Conf{Mode: m.mode})
			wantAbsent(t, h.probe, m.reason, m.detail)
			h.conf(nvml.Conf{}) // the driver is loaded, the GPU plugged in
			if c := h.snapshot(); len(c.GPUs) != 8 {
				t.Errorf("%d GPUs once the cause is gone", len(c.GPUs))
			}
		})
	}
}

func TestProbeTellsLibrariesApartThatDoNotLoad(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("this is no library\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, newProbe(t, filepath.Join(dir, "nothing.so")), attest.NotPresent, "No such file")
	wantAbsent(t, newProbe(t, text), attest.NotPresent, "too short")
	wantAbsent(t, newProbe(t, libraries[nvml.WithoutInit]), attest.NotSupported, "nvmlInit_v2")
}

func TestProbeFindsALibraryInstalledLater(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{})
	lib := filepath.Join(h.dir, nvml.Soname)
	if err := os.Rename(lib, lib+".away"); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, h.probe, attest.NotPresent, "No such file")
	before := h.probe.PID()
	if err := os.Rename(lib+".away", lib); err != nil {
		t.Fatal(err)
	}
	h.snapshot()
	if before == 0 || h.probe.PID() != before {
		t.Errorf("pid %d, then %d: want the same process", before, h.probe.PID())
	}
}

func TestProbeSurvivesAnOlderLibrary(t *testing.T) {
	h := newHost(t, nvml.WithoutNew, nvml.Conf{})
	c := h.snapshot()
	for _, path := range []string{"gpu[*].fabric", "gpu[*].memory.reserved_bytes", "confidential_compute.multi_gpu"} {
		a, ok := c.Why(path)
		if !ok || a.Reason != attest.NotSupported || !strings.Contains(a.Detail, "missing in this driver") {
			t.Errorf("%s: %v, %v", path, a, ok)
		}
	}
	if d := c.GPUs[7]; d.Throttle.Reasons == nil || d.Memory == nil || len(d.Links) != 18 {
		t.Error("what the older library offers is not all there")
	}
}

func TestProbeSurvivesALibraryWithoutABaseCall(t *testing.T) {
	c := newHost(t, nvml.WithoutUUID, nvml.Conf{}).snapshot()
	a, ok := c.Why("gpu[00000000:18:00.0].uuid")
	if !ok || a.What != "gpu[*].uuid" || a.Detail != "symbol nvmlDeviceGetUUID missing in this driver" {
		t.Errorf("%v, %v", a, ok)
	}
	if c.GPUs[0].UUID != nil || c.GPUs[0].Serial == nil {
		t.Error("want the serial and no UUID")
	}
}

func TestProbeReportsTheOthersWhenAGPUIsLost(t *testing.T) {
	three := 3
	for name, lost := range map[string]nvml.Conf{"lost": {Lost: &three}, "no handle": {LostHandle: &three}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, nvml.Full, nvml.Conf{})
			whole := len(h.snapshot().Absent)
			h.conf(lost)
			c := h.snapshot()
			path := "gpu[00000000:5d:00.0]"
			if lost.LostHandle != nil {
				path = "gpu[#3]"
			}
			a, ok := c.Why(path + ".uuid")
			if !ok || a.What != path || a.Reason != attest.Failed || a.Detail != "NVML 15: GPU is lost" {
				t.Errorf("%v, %v", a, ok)
			}
			others := 0
			for _, d := range c.GPUs {
				if d.UUID != nil && d.Memory != nil && len(d.Links) == 18 && d.Temperature.GPU != nil {
					others++
				}
			}
			// One line for the GPU, one for each value of a pair.
			if others != 7 || len(c.Absent) != whole+3 {
				t.Errorf("%d others whole, %d absences: %v", others, len(c.Absent), c.Absent)
			}
		})
	}
}

func TestProbeListsProcesses(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Profile: nvml.L40S, Processes: []nvml.Process{
		{GPU: 1, PID: 4243, Bytes: 1 << 30, Kind: "graphics"},
		{GPU: 1, PID: 4242, Bytes: 40 << 30, Kind: "compute"},
		{GPU: 1, PID: 77, Bytes: nvml.NotAvailable, Kind: "compute"},
	}})
	c := h.snapshot()
	if got := c.GPUs[0].Processes; got == nil || len(got) != 0 {
		t.Errorf("idle GPU: %v, want a list of none", got)
	}
	got := c.GPUs[1].Processes
	if len(got) != 3 || got[0].PID != 77 || got[0].UsedBytes != nil || *got[1].UsedBytes != 40<<30 || got[2].Kind != gpu.ProcessGraphics {
		t.Errorf("%+v", got)
	}
	if a, ok := c.Why("gpu[00000000:bd:00.0].processes[compute,77].used_bytes"); !ok || a.Reason != attest.NotSupported {
		t.Errorf("memory that NVML does not give: %v, %v", a, ok)
	}
}

func TestProbeIsKilledAtItsDeadlineAndComesBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]nvml.Conf{"init": {Mode: nvml.ModeHang}, "call": {HangCall: "nvmlDeviceGetCount_v2"}} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, nvml.Full, c)
			wantAbsent(t, h.probe, attest.Timeout, "probe killed")
			h.conf(nvml.Conf{})
			begin := time.Now()
			wantAbsent(t, h.probe, attest.Timeout, "next try in")
			if d := time.Since(begin); d > 300*time.Millisecond {
				t.Errorf("an answer during the back-off took %s", d)
			}
			time.Sleep(1100 * time.Millisecond)
			h.snapshot()
		})
	}
}

func TestProbeCrashIsToldAndForgotten(t *testing.T) {
	t.Parallel()
	h := newHost(t, nvml.Full, nvml.Conf{CrashCall: "nvmlDeviceGetUUID"})
	wantAbsent(t, h.probe, attest.Crashed, "exit status")
	h.conf(nvml.Conf{})
	time.Sleep(1100 * time.Millisecond)
	h.snapshot()

	p, err := os.FindProcess(h.probe.PID())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	wantAbsent(t, h.probe, attest.Crashed, "signal: killed")
	time.Sleep(1100 * time.Millisecond)
	h.snapshot()
}

func TestBuiltProbeBindsLazily(t *testing.T) {
	if skipWhy != "" {
		t.Skip(skipWhy)
	}
	f, err := elf.Open(probePath)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now, err := f.DynValue(elf.DT_BIND_NOW)
	if err != nil || len(now) > 0 {
		t.Errorf("DT_BIND_NOW %v, %v", now, err)
	}
	for tag, bit := range map[elf.DynTag]uint64{elf.DT_FLAGS: uint64(elf.DF_BIND_NOW), elf.DT_FLAGS_1: uint64(elf.DF_1_NOW)} {
		values, err := f.DynValue(tag)
		for _, v := range values {
			if v&bit != 0 {
				t.Errorf("%v is %#x: the probe binds at start and would die on every host", tag, v)
			}
		}
		if err != nil {
			t.Error(err)
		}
	}
}
