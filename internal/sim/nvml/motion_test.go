package nvml

import (
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// work is a load that rises, stays and falls, by the test's clock.
var work = Motion{ClockFile: clockName, LoadScript: []LoadPoint{{0, 0}, {10, 100}, {90, 100}, {100, 30}}}

// full is a constant full load from second 1.
var full = Motion{ClockFile: clockName, LoadStep: true, LoadScript: []LoadPoint{{0, 0}, {1, 100}}}

func TestEnergyIsTheIntegralOfPower(t *testing.T) {
	for _, profile := range []string{H100, A100, L40S} {
		b := newBox(t, Conf{Profile: profile, Motion: work})
		first := b.look(1)
		last, sum := first, 0.0
		for s := 0.5; s <= 150; s += 0.5 {
			b.at(s)
			v := b.look(1)
			if v["energy"] < last["energy"] || v["f83"] != v["energy"] || v["f191"] != v["energy"] {
				t.Fatalf("%s, second %.1f: energy %d, then %d mJ; fields %d, %d", profile, s, last["energy"], v["energy"], v["f83"], v["f191"])
			}
			sum += float64(v["f186"]) * 0.5
			last = v
		}
		if got := float64(last["energy"] - first["energy"]); math.Abs(got-sum) > 0.02*sum || sum < 150*30e3 {
			t.Errorf("%s: energy grew by %.0f mJ, power came to %.0f", profile, got, sum)
		}
	}
}

func TestGPUsFollowTheLoad(t *testing.T) {
	b := newBox(t, Conf{Motion: work})
	idle := b.look(0)
	b.at(85)
	busy := b.look(0)
	b.at(400)
	after := b.look(0)
	for _, key := range []string{"gpu_c", "f82", "power", "f185", "f186", "busy", "used", "f74", "f138", "f138.all", "f140", "f197", "f198", "f78"} {
		if key != "f78" && busy[key] <= idle[key] {
			t.Errorf("%s: %d idle, %d busy", key, idle[key], busy[key])
		}
	}
	if busy["gpu_c"]-idle["gpu_c"] < 20 || busy["gpu_c"]-after["gpu_c"] < 15 || busy["f82"] <= after["f82"] {
		t.Errorf("%d C, %d C at work, %d C after", idle["gpu_c"], busy["gpu_c"], after["gpu_c"])
	}
	if busy["margin"] != 87-busy["gpu_c"] || busy["reasons"] != 4 || idle["reasons"] != 1 || busy["sm_mhz"] <= idle["sm_mhz"] || busy["busy"] != 100 || after["busy"] != 30 {
		t.Errorf("at work: %v", busy)
	}
	if sum := busy["f138.all"]; sum != 18*busy["f138"] || busy["f141"] <= busy["f139"] {
		t.Errorf("all links %d KiB, one %d; raw %d, data %d", sum, busy["f138"], busy["f141"], busy["f139"])
	}
	if busy["f185"] > 700000 || busy["f188"] != 700000 || busy["f187"] != 200000 || after["power"] > 400000 {
		t.Errorf("power %d mW, limit %d, least %d", busy["f185"], busy["f188"], busy["f187"])
	}
}

func TestHeatSlowsTheGPUDown(t *testing.T) {
	hot := full
	hot.Ambient, hot.Cooling = ptr(60), 60
	b := newBox(t, Conf{Motion: hot})
	before, software, hardware := b.look(0), false, false
	for s := 2.0; s < 300; s++ {
		b.at(s)
		v := b.look(0)
		if v["reasons"]&0x20 != 0 {
			software = true
			if v["sm_mhz"] >= 1980 {
				t.Fatalf("second %v: slowed down at %d MHz", s, v["sm_mhz"])
			}
		}
		if v["reasons"]&0x48 == 0x48 {
			hardware = true
			if v["sm_mhz"] > 990 || v["margin"] > 1 {
				t.Fatalf("second %v: hardware slowdown at %d MHz, margin %d", s, v["sm_mhz"], v["margin"])
			}
		}
	}
	v := b.look(0)
	grown := func(key string) int64 { return v[key] - before[key] }
	if !software || !hardware || grown("f269") <= 0 || grown("f270") <= 0 || grown("f75") < grown("f269") || grown("f80") < grown("f75") || grown("f269") > 300e9 {
		t.Errorf("software %v, hardware %v, %d ns and %d ns, thermal %d", software, hardware, grown("f269"), grown("f270"), grown("f75"))
	}
	if v["power"] > 600000 || v["gpu_c"] > 105 {
		t.Errorf("slowed down to %d mW at %d C", v["power"], v["gpu_c"])
	}
	b.conf(Conf{Motion: full}) // the fan runs again
	b.look(0)
	b.at(700)
	if v := b.look(0); v["reasons"] != 4 || v["gpu_c"] > 75 {
		t.Errorf("cooled: reasons %x, %d C", v["reasons"], v["gpu_c"])
	}
}

func TestTwoProcessesFindOneHistory(t *testing.T) {
	b := newBox(t, Conf{Motion: work})
	for s := range 60 {
		b.at(float64(s))
		b.look(3)
	}
	one := b.look(3)
	b.start()
	if two := b.look(3); two["energy"] != one["energy"] || two["gpu_c"] != one["gpu_c"] || two["f74"] != one["f74"] {
		t.Errorf("one process: %v\nanother: %v", one, two)
	}
}

func TestStateFileKeepsWhatCannotBeIntegratedAgain(t *testing.T) {
	keep := Motion{Moving: true, ClockFile: clockName}
	b := newBox(t, Conf{})
	keep.StateFile = filepath.Join(b.dir, "state")
	b.conf(Conf{Load: 100, Motion: keep})
	b.at(60)
	b.look(0)
	b.conf(Conf{Load: 10, Motion: keep}) // what went before is kept
	b.look(0)
	b.at(61)
	one := b.look(0)
	b.ask("shutdown", 0)
	b.start()
	two := b.look(0)
	if two["energy"] != one["energy"] || two["gpu_c"] != one["gpu_c"] || two["power"] > 200000 {
		t.Errorf("before the restart: %v\nafter: %v", one, two)
	}
}

func TestLoadIsAProcessCPUUse(t *testing.T) {
	b := newBox(t, Conf{Profile: L40S, Motion: Motion{LoadPID: os.Getpid(), LoadGPUs: []int{1}}})
	b.look(1)
	for end := time.Now().Add(1200 * time.Millisecond); time.Now().Before(end); {
	}
	if v, other := b.look(1), b.look(0); v["busy"] < 20 || v["power"] < 60000 || other["busy"] != 0 {
		t.Errorf("busy %d%%, %d mW; the other %d%%", v["busy"], v["power"], other["busy"])
	}
	b.conf(Conf{Profile: L40S, Motion: Motion{LoadPID: 1 << 30}})
	time.Sleep(400 * time.Millisecond)
	b.look(1)
	time.Sleep(300 * time.Millisecond)
	if v := b.look(1); v["busy"] != 0 {
		t.Errorf("no such process: busy %d%%", v["busy"])
	}
}

func TestTimeRunsFaster(t *testing.T) {
	b := newBox(t, Conf{Load: 100, Motion: Motion{Moving: true, TimeScale: 1000}})
	cold := b.look(0)["gpu_c"]
	time.Sleep(200 * time.Millisecond)
	if hot := b.look(0)["gpu_c"]; hot < cold+25 {
		t.Errorf("%d C, then %d C", cold, hot)
	}
}

func TestScriptRepeatsAndSteps(t *testing.T) {
	b := newBox(t, Conf{Motion: Motion{ClockFile: clockName, LoadStep: true, LoadRepeat: 20, LoadScript: []LoadPoint{{0, 40}, {10, 80}}}})
	for second, want := range map[float64]int64{5: 40, 15: 80} {
		for _, more := range []float64{0, 20, 40} {
			b.at(second + more)
			b.start() // in one process time does not go back
			if v := b.look(0); v["busy"] != want {
				t.Errorf("second %v: %d%%, want %d%%", second+more, v["busy"], want)
			}
		}
	}
}

func TestWithoutMotionNothingMoves(t *testing.T) {
	b := newBox(t, Conf{Load: 60})
	one := b.look(2)
	time.Sleep(150 * time.Millisecond)
	two := b.look(2)
	for key := range one {
		if energy := key == "energy" || key == "f83" || key == "f191"; !energy && one[key] != two[key] || energy && one[key] >= two[key] {
			t.Errorf("%s: %d, then %d", key, one[key], two[key])
		}
	}
}

func TestModelsOfferWhatTheyHave(t *testing.T) {
	const notSupported = 3
	for profile, lacks := range map[string][]string{
		H100: {},
		A100: {"margin", "f185", "f193", "f196"},
		L40S: {"f82", "f138", "f138.all", "f141", "f161", "f195"},
	} {
		v := newBox(t, Conf{Profile: profile, Motion: work}).look(0)
		for _, key := range lacks {
			if v[key+".ret"] != notSupported {
				t.Errorf("%s: %s: NVML %d", profile, key, v[key+".ret"])
			}
		}
		if profile == H100 && len(v) != 51 {
			t.Errorf("%d values", len(v))
		}
	}
}

func TestGPMIsTheHonestUtilisation(t *testing.T) {
	const notSupported, noData = 3, 21
	for fake, want := range map[int]int64{-1: 10000, 100: 0} {
		c := Conf{Motion: full}
		if fake >= 0 {
			c.FakeUtilisation = &fake
		}
		b := newBox(t, c)
		b.at(5)
		b.ask("gpm0", 2)
		if a := b.ask("gpm1", 2); a.values["m1.ret"] != noData {
			t.Errorf("two samples at once: %v", a.values)
		}
		b.at(7)
		if v := b.ask("gpm1", 2).values; max(v["m1"]-want, want-v["m1"]) > 1 || v["m10"] > want*6/10 || v["m5"] > want*6/10 || v["m199.ret"] != notSupported {
			t.Errorf("faked %d: %v, want %d", fake, v, want)
		}
	}
	if a := newBox(t, Conf{Profile: A100}).ask("gpm0", 0); a.ret != notSupported {
		t.Errorf("A100: %d", a.ret)
	}
}
