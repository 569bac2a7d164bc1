package nvml

import (
	"debug/elf"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

const (
	uninitialised = 1
	notSupported  = 3
	noPermission  = 4
	notLoaded     = 9
	timedOut      = 10
	isLost        = 15
)

func TestFakedUtilisationHasIdleEnergy(t *testing.T) {
	b := newBox(t, Conf{Motion: full, Faults: Faults{FakeUtilisation: ptr(100)}})
	first := b.look(0)
	b.at(100)
	v := b.look(0)
	if v["busy"] != 100 || v["power"] > 75000 || v["sm_mhz"] != 345 || v["gpu_c"] > 33 || v["energy"]-first["energy"] > 100*75000 {
		t.Errorf("%v", v)
	}
}

func TestEnergyFallsOnceAndGrowsAgain(t *testing.T) {
	b := newBox(t, Conf{Motion: full})
	b.at(60)
	before := b.look(1)
	b.conf(Conf{Motion: full, Faults: Faults{CounterBack: &Fault{1, Now}}})
	after, other := b.look(1), b.look(2)
	if after["energy"] >= before["energy"] || after["power"] != before["power"] || other["energy"] == 0 {
		t.Errorf("energy %d, then %d", before["energy"], after["energy"])
	}
	b.at(70)
	if v := b.look(1); v["energy"]-after["energy"] < 9*600000 {
		t.Errorf("grew by %d mJ in 10 s", v["energy"]-after["energy"])
	}
}

func TestCounterGoesBackAtItsMoment(t *testing.T) {
	b := newBox(t, Conf{Motion: full, Faults: Faults{CounterBack: &Fault{0, 50}}})
	b.at(49)
	before := b.look(0)["energy"]
	b.at(51)
	if after := b.look(0)["energy"]; after >= before {
		t.Errorf("%d, then %d mJ", before, after)
	}
}

func TestFrozenValuesStandStill(t *testing.T) {
	b := newBox(t, Conf{Motion: work, Faults: Faults{Frozen: &Fault{1, 20}}})
	b.at(21)
	one, other := b.look(1), b.look(0)
	b.at(80)
	for key, v := range b.look(1) {
		if v != one[key] {
			t.Errorf("%s: %d, then %d", key, one[key], v)
		}
	}
	if v := b.look(0); v["energy"] <= other["energy"] || v["gpu_c"] <= other["gpu_c"] {
		t.Error("the other GPU stands still too")
	}
	b.conf(Conf{Motion: work})
	if v := b.look(1); v["energy"] <= one["energy"] {
		t.Error("still frozen")
	}
}

func TestDriverIsLoadedAnew(t *testing.T) {
	b := newBox(t, Conf{Motion: full, Faults: Faults{DriverReload: ptr(50.0)}})
	b.at(49)
	before := b.look(0)
	b.at(50.5)
	if a := b.ask("look", 0); a.ret != uninitialised {
		t.Errorf("at the moment: NVML %d", a.ret)
	}
	if a := b.ask("init", 0); a.ret != notLoaded {
		t.Errorf("init at the moment: NVML %d", a.ret)
	}
	b.at(53)
	if a := b.ask("look", 0); a.ret != uninitialised {
		t.Errorf("not initialised again: NVML %d", a.ret)
	}
	if a := b.ask("init", 0); a.ret != 0 {
		t.Errorf("init afterwards: NVML %d", a.ret)
	}
	after := b.look(0)
	if after["energy"] > 4*710000 || after["energy"] < 2*600000 || after["f138"] >= before["f138"] || after["f74"] > 4e9 || after["gpu_c"] <= before["gpu_c"] {
		t.Errorf("before: %v\nafter: %v", before, after)
	}
	b.at(60)
	b.conf(Conf{Motion: full, Faults: Faults{DriverReload: ptr(float64(Now))}})
	b.look(0)
	b.at(63)
	if a, again := b.ask("look", 0), b.ask("init", 0); a.ret != uninitialised || again.ret != 0 {
		t.Errorf("reload now: NVML %d, init %d", a.ret, again.ret)
	}
	if v := b.look(0); v["energy"] > 4*710000 {
		t.Errorf("energy %d mJ", v["energy"])
	}
}

func TestStillFiguresRestartWithTheDriverToo(t *testing.T) {
	b := newBox(t, Conf{Motion: Motion{ClockFile: clockName}, Faults: Faults{DriverReload: ptr(10.0)}})
	before := b.look(0)
	b.at(15)
	b.ask("init", 0)
	if v := b.look(0); v["energy"] != 5*71000 || v["f74"] != 0 || before["f74"] == 0 {
		t.Errorf("energy %d mJ, %d ns", v["energy"], v["f74"])
	}
}

func TestOneGPUHangsAndTheOthersAnswer(t *testing.T) {
	b := newBox(t, Conf{Motion: work})
	b.look(3)
	b.conf(Conf{Motion: work, Faults: Faults{HangGPU: ptr(3)}}) // without a new count
	hung := b.send("look", 3)
	for gpu := range 8 {
		if gpu != 3 {
			b.look(gpu)
		}
	}
	select {
	case a := <-hung:
		t.Errorf("answered %v", a)
	case <-time.After(200 * time.Millisecond):
	}
	b.conf(Conf{Motion: work})
	b.look(3) // another thread, once the fault is gone
}

func TestAHangMayEnd(t *testing.T) {
	b := newBox(t, Conf{HangCall: "nvmlDeviceGetPowerUsage", Faults: Faults{HangGPU: ptr(1), HangSeconds: 0.3}})
	begin := time.Now()
	b.look(0)
	if d := time.Since(begin); d > 250*time.Millisecond {
		t.Errorf("GPU 0 took %v", d)
	}
	begin = time.Now()
	b.look(1)
	if d := time.Since(begin); d < 300*time.Millisecond {
		t.Errorf("GPU 1 took %v", d)
	}
}

func TestRefusedAndSplitAndLost(t *testing.T) {
	b := newBox(t, Conf{Faults: Faults{NoPermission: "nvmlDeviceGetPowerUsage", MIG: ptr(1)}})
	if v := b.look(0); v["power.ret"] != noPermission || v["busy.ret"] != 0 {
		t.Errorf("%v", v)
	}
	if v := b.look(1); v["busy.ret"] != notSupported {
		t.Errorf("%v", v)
	}
	b.conf(Conf{Lost: ptr(1)})
	if a := b.ask("look", 1); a.ret != isLost {
		t.Errorf("NVML %d", a.ret)
	}
}

func TestXidsAreToldOnce(t *testing.T) {
	c := Conf{Motion: Motion{ClockFile: clockName, Xids: []Xid{{0, 13, 5}, {0, 94, 20}, {1, 63, 20}, {2, 79, 20}, {0, 31, Now}}}}
	b := newBox(t, c)
	b.at(10)
	b.ask("register", 0)
	b.ask("register", 1)
	want := func(codes ...int64) {
		t.Helper()
		for _, code := range codes {
			if a := b.ask("xid", 0); a.ret != 0 || a.values["xid"] != code {
				t.Errorf("%v, want %d", a, code)
			}
		}
		if a := b.ask("xid", 0); a.ret != timedOut {
			t.Errorf("%v, want no more", a)
		}
	}
	want() // what went before is not told
	b.at(21)
	want(94, 63)
	c.Xids = append(c.Xids, Xid{1, 48, Now})
	b.conf(c)
	want(48)
	before := c
	before.Xids = c.Xids[:len(c.Xids)-1]
	b.conf(before)
	want()
	b.conf(c) // "now" again: another event
	want(48)
	c.Lost = ptr(1)
	b.conf(c)
	if a := b.ask("xid", 0); a.ret != isLost {
		t.Errorf("%v", a)
	}
}

// A caller that sets anything dies of the missing symbol, and so fails its test.
func TestNothingCanBeSet(t *testing.T) {
	b := newBox(t, Conf{})
	f, err := elf.Open(filepath.Join(b.dir, Soname))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	changes := regexp.MustCompile(`Set[A-Z]|Reset|Clear|Freeze|nvmlDevice(Modify|Remove|Create)`)
	for _, s := range symbols {
		if s.Section != elf.SHN_UNDEF && changes.MatchString(s.Name) && !regexp.MustCompile(`^nvmlEventSet`).MatchString(s.Name) {
			t.Errorf("the library offers %s", s.Name)
		}
	}
}
