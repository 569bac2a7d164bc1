package stretch_test

import (
	"math"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

func TestActivityOfAnHonestCardAddsUp(t *testing.T) {
	m := newMaker(t, 1)
	m.host.Load = func(_ int, second float64) float64 {
		if second < 60 {
			return 0
		}
		return 0.9
	}
	a := did(m.records(300).open())
	if len(a) != 1 || a[0].EnergyJ == nil || a[0].RestW == nil || a[0].LimitW == nil || a[0].MostBusy == nil || a[0].BusyAtPower == nil {
		t.Fatalf("%+v", a)
	}
	x := a[0]
	if x.Seconds < 298 || x.Seconds > 300 || *x.RestW >= *x.LimitW/3 || *x.MostBusy < 80 || *x.BusyAtPower < .5 || x.BusySeconds < 200 {
		t.Errorf("%.1f s, rest %.0f W, limit %.0f W, busy %.0f %%, share %.2f over %.0f s", x.Seconds, *x.RestW, *x.LimitW, *x.MostBusy, *x.BusyAtPower, x.BusySeconds)
	}
	if mean := *x.EnergyJ / x.Seconds; mean <= *x.RestW || mean >= *x.LimitW {
		t.Errorf("%.0f W by the counter", mean)
	}
}

func TestUtilisationWithoutPowerIsSeen(t *testing.T) {
	for name, c := range map[string]struct {
		load  float64
		edit  func(int, *telemetry.Record)
		least float64
		most  float64
		found bool
	}{
		"a kernel that spins":                 {0.02, func(_ int, r *telemetry.Record) { set(r, telemetry.GPUUtilisation, 100) }, -1, .15, true},
		"utilisation that the power tells of": {0.9, nil, .5, 1.1, true},
		"never busy":                          {0, nil, 0, 0, false},
		"busy for a short time":               {0, func(i int, r *telemetry.Record) { set(r, telemetry.GPUUtilisation, map[bool]int64{true: 100}[i < 30]) }, 0, 0, false},
		"no limit": {0.9, func(_ int, r *telemetry.Record) {
			r.Devices[0].Values = telemetry.Values{int64(telemetry.GPUUtilisation), 100}
		}, 0, 0, false},
	} {
		m := newMaker(t, 1)
		m.host.Load = func(_ int, second float64) float64 {
			if second < 20 {
				return 0
			}
			return c.load
		}
		m.edit = c.edit
		a := did(m.records(120).open())[0]
		if (a.BusyAtPower != nil) != c.found || c.found && (*a.BusyAtPower < c.least || *a.BusyAtPower > c.most) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A card that works all the while shows no rest: its load is not taken for one.
func TestCardThatNeverRestsIsNotTakenForIdle(t *testing.T) {
	m := newMaker(t, 1)
	m.host.Load = func(int, float64) float64 { return 0.8 }
	a := did(m.records(120).open())[0]
	if a.RestW != nil || a.BusyAtPower == nil || *a.BusyAtPower < .5 {
		t.Errorf("rest %v, share %v", a.RestW, a.BusyAtPower)
	}
}

// Over a gap nobody knows what the counter did.
func TestActivityFollowsCountersOverNoGap(t *testing.T) {
	m := newMaker(t, 1)
	m.host.Load = func(int, float64) float64 { return 0.5 }
	m.records(50)
	m.skip = 60_000
	m.edit = func(_ int, r *telemetry.Record) {
		set(r, telemetry.Energy, get(r, telemetry.Energy)+100_000_000)
	}
	a := did(m.records(50).open())[0]
	if math.Abs(a.Seconds-98) > 1 || *a.EnergyJ > 98*700 {
		t.Errorf("%.1f s, %.0f J", a.Seconds, *a.EnergyJ)
	}
}
