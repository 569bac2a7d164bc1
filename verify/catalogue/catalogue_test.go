package catalogue

import (
	"strings"
	"testing"
)

func TestEveryRowHasSourcesAndPlausibleNumbers(t *testing.T) {
	if len(All()) < 25 {
		t.Fatalf("%d rows", len(All()))
	}
	for _, g := range All() {
		if len(g.Sources) == 0 || len(g.DeviceIDs) == 0 || g.Architecture == "" {
			t.Errorf("%s: no source, id or architecture", g.Model)
		}
		for _, k := range g.Sources {
			if what, kind, ok := Source(k); !ok || what == "" || kind == "" {
				t.Errorf("%s: source %s", g.Model, k)
			}
		}
		for name, v := range map[string]struct {
			at       *float64
			low, top float64
		}{"MiB": {g.MemoryMiB, 8 << 10, 400 << 10}, "GB/s": {g.MemoryGBps, 200, 20_000}, "TFLOP/s": {g.DenseTFLOPs, 30, 5_000}, "W": {g.BoardWatts, 50, 2_000}, "links": {g.NVLinks, 0, 36}} {
			if v.at != nil && (*v.at < v.low || *v.at > v.top) {
				t.Errorf("%s: %v %s", g.Model, *v.at, name)
			}
		}
	}
}

func TestModelIsFoundByItsDeviceID(t *testing.T) {
	g := ByDeviceID(NVIDIA, 0x2330)
	if g == nil || g.Model != "H100 SXM5 80GB" || *g.MemoryGBps != 3350 || g.ComputeCapability != "9.0" || g.Architecture != "hopper" || *g.NVLinks != 18 || *g.FastestTFLOPs() != 2*1978.9 {
		t.Errorf("%+v", g)
	}
	if l := ByDeviceID(NVIDIA, 0x26b9); l == nil || *l.NVLinks != 0 {
		t.Errorf("%+v", l)
	}
	if a := ByDeviceID(NVIDIA, 0x20b2); *a.FastestTFLOPs() != 8*312 {
		t.Errorf("A100: %v", *a.FastestTFLOPs())
	}
	if b := ByDeviceID(NVIDIA, 0x3182); b.FastestTFLOPs() != nil {
		t.Error("B300: a bound without source")
	}
	if ByDeviceID(0x1002, 0x2330) != nil || ByDeviceID(NVIDIA, 0xffff) != nil {
		t.Error("a model that is not known")
	}
}

func TestBadTablesAreRefused(t *testing.T) {
	first, rest, _ := strings.Cut(string(gpus), "\n")
	one, _, _ := strings.Cut(rest, "\n")
	for name, c := range map[string]string{
		"another column": strings.Replace(first, "model", "name", 1) + "\n" + one,
		"an id twice":    first + "\n" + one + "\n" + one,
		"no number":      first + "\n" + strings.Replace(one, "81559", "many", 1),
		"no such id":     first + "\n" + strings.Replace(one, "2330", "x", 1),
		"no such source": first + "\n" + strings.Replace(one, "S1 ids", "S99 ids", 1),
		"a cut row":      first + "\na,b",
	} {
		if _, err := parse([]byte(c), sources); err == nil {
			t.Error(name)
		}
	}
}
