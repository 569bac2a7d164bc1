package recorder

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

func TestDriverThatWasLoadedAnewIsAFact(t *testing.T) {
	read := func(mj int64) reading {
		return reading{devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{int64(telemetry.Energy), mj}}}}
	}
	gone := reading{absent: []attest.Absence{attest.Absent("gpu", attest.NotLoaded, "NVML 9: driver not loaded")}}
	hung := reading{absent: []attest.Absence{attest.Absent("gpu", attest.Timeout, "no answer")}}
	for name, c := range map[string]struct {
		between []reading
		then    int64
		want    int
	}{
		"reload":                        {[]reading{gone, gone}, 5, 1},
		"reload that kept its counters": {[]reading{gone}, 200, 0},
		"counter that fell":             {nil, 5, 0},
		"hang, and counter that fell":   {[]reading{hung}, 5, 0},
	} {
		var d driver
		d.facts(read(100))
		for _, r := range c.between {
			if f := d.facts(r); f != nil {
				t.Errorf("%s: %v before anything was read", name, f)
			}
		}
		f := d.facts(read(c.then))
		if len(f) != c.want || c.want == 1 && (f[0].Name != telemetry.FactDriver || f[0].Text != "a") {
			t.Errorf("%s: %v", name, f)
		}
		if f := d.facts(read(c.then - 1)); f != nil {
			t.Errorf("%s: said again: %v", name, f)
		}
	}
}
