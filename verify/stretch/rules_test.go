package stretch_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

const (
	pass         = "pass"
	violated     = "violated"
	notEvaluable = "not evaluable"
)

// held says how a value stands to the limit of the built-in calibration (package rules).
func held(c stretch.Check) string {
	if c.Value == nil {
		return notEvaluable
	}
	bad := map[string]func(float64) bool{
		stretch.OverLimit: func(v float64) bool { return v > 105 }, stretch.Apart: func(v float64) bool { return v > 10 }, stretch.Rises: func(v float64) bool { return v > 0 },
		stretch.Throttled: func(v float64) bool { return v > 10 }, stretch.Repeats: func(v float64) bool { return v > 0 }, stretch.Warmth: func(v float64) bool { return v < 5 },
	}
	if bad[c.What](*c.Value) {
		return violated
	}
	return pass
}

func set(r *telemetry.Record, f telemetry.Field, v int64) {
	vs := r.Devices[0].Values
	for i := 0; i < len(vs); i += 2 {
		if vs[i] == int64(f) {
			vs[i+1] = v
		}
	}
}

func get(r *telemetry.Record, f telemetry.Field) int64 { v, _ := r.Devices[0].Values.Get(f); return v }

func checks(s *stretch.Stretch) []stretch.Check { c, _ := s.Measure(); return c }

func did(s *stretch.Stretch) []stretch.Activity { _, d := s.Measure(); return d }

func outcomes(s *stretch.Stretch) map[string]stretch.Check {
	out := map[string]stretch.Check{}
	for _, c := range checks(s) {
		out[c.What] = c
	}
	return out
}

func TestRulesOfHonestCardsPass(t *testing.T) {
	m := newMaker(t, 1)
	m.host.Load = func(_ int, second float64) float64 {
		if second < 60 {
			return 0
		}
		return 0.9
	}
	got := outcomes(m.records(900).open())
	for _, what := range []string{stretch.OverLimit, stretch.Apart, stretch.Rises, stretch.Throttled, stretch.Repeats, stretch.Warmth} {
		if c := got[what]; held(c) != pass {
			t.Errorf("%+v", c)
		}
	}
}

func TestRulesSeeWhatTheyLookFor(t *testing.T) {
	replay := func(from, n int) func(int, *telemetry.Record) {
		var energy []int64
		return func(i int, r *telemetry.Record) {
			energy = append(energy, get(r, telemetry.Energy))
			if i >= from && i < from+n { // the increments of the same time before, once more
				energy[i] = energy[i-1] + energy[i-n] - energy[i-n-1]
			} else if i >= from+n {
				energy[i] = energy[i-1] + 600_000 + int64(i)
			}
			set(r, telemetry.Energy, energy[i])
		}
	}
	for name, c := range map[string]struct {
		load    float64
		records int
		edit    func(int, *telemetry.Record)
		what    string
		want    string
	}{
		"more energy than the limit allows": {0.9, 60, func(_ int, r *telemetry.Record) { set(r, telemetry.EnforcedLimit, 500_000) }, stretch.OverLimit, violated},
		"a limit raised in between counts": {0.9, 60, func(i int, r *telemetry.Record) {
			set(r, telemetry.EnforcedLimit, map[bool]int64{true: 700_000, false: 500_000}[i == 30])
		}, stretch.OverLimit, pass},
		"energy that power does not tell of": {0.9, 60, func(_ int, r *telemetry.Record) { set(r, telemetry.AveragePower, get(r, telemetry.AveragePower)*8/10) }, stretch.Apart, violated},
		"power that energy does not tell of": {0.9, 60, func(_ int, r *telemetry.Record) { set(r, telemetry.Energy, 5) }, stretch.Apart, violated},
		"power within ten percent": {0.9, 60, func(_ int, r *telemetry.Record) {
			set(r, telemetry.AveragePower, get(r, telemetry.AveragePower)*94/100)
		}, stretch.Apart, pass},
		"half a minute is not reached":          {0.9, 29, nil, stretch.Apart, notEvaluable},
		"no energy counter":                     {0.9, 60, func(_ int, r *telemetry.Record) { r.Devices[0].Values = telemetry.Values{1, 40} }, stretch.Rises, notEvaluable},
		"the counter falls":                     {0.9, 60, func(i int, r *telemetry.Record) { fallen(i, r, false) }, stretch.Rises, violated},
		"the counter falls with its driver":     {0.9, 60, func(i int, r *telemetry.Record) { fallen(i, r, true) }, stretch.Rises, pass},
		"the counter falls; power is as before": {0.9, 120, func(i int, r *telemetry.Record) { fallen(i, r, false) }, stretch.Apart, pass},
		"throttled":                             {0.9, 700, func(i int, r *telemetry.Record) { set(r, telemetry.HWThermal, int64(i)*200_000_000) }, stretch.Throttled, violated},
		"throttled a little":                    {0.9, 700, func(i int, r *telemetry.Record) { set(r, telemetry.HWThermal, int64(i)*50_000_000) }, stretch.Throttled, pass},
		"throttled, under ten minutes":          {0.9, 599, func(i int, r *telemetry.Record) { set(r, telemetry.HWThermal, int64(i)*200_000_000) }, stretch.Throttled, notEvaluable},
		"increments repeat":                     {0.9, 120, replay(60, 30), stretch.Repeats, violated},
		"increments repeat, too few":            {0.9, 120, replay(60, 18), stretch.Repeats, pass},
		"increments are one number":             {0.9, 60, func(i int, r *telemetry.Record) { set(r, telemetry.Energy, int64(i)*600_000) }, stretch.Repeats, violated},
		"one number at rest":                    {0, 60, func(i int, r *telemetry.Record) { set(r, telemetry.Energy, int64(i)*70_000) }, stretch.Repeats, notEvaluable},
		"cool under load":                       {0.9, 400, func(_ int, r *telemetry.Record) { set(r, telemetry.GPUTemperature, 31) }, stretch.Warmth, violated},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t, 1)
			m.host.Load = func(_ int, second float64) float64 {
				if c.what == stretch.Warmth && second < 20 {
					return 0
				}
				return c.load
			}
			m.edit = c.edit
			if got := outcomes(m.records(c.records).open())[c.what]; held(got) != c.want {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

func fallen(i int, r *telemetry.Record, driver bool) {
	if i < 40 {
		return
	}
	set(r, telemetry.Energy, get(r, telemetry.Energy)-900_000_000)
	if i == 40 && driver {
		r.Facts = []telemetry.Fact{{Name: telemetry.FactDriver, Text: r.Devices[0].Key}}
	}
}

// Counters are followed over nothing that an honest machine goes through: what is on either side is judged for itself.
func TestSegmentsEndWhereCountersCannotBeFollowed(t *testing.T) {
	jump := func(i int, r *telemetry.Record) { // energy that was used while nobody looked
		if i >= 40 {
			set(r, telemetry.Energy, get(r, telemetry.Energy)+100_000_000)
		}
	}
	for name, c := range map[string]struct {
		change func(m *maker)
		want   string
	}{
		"nothing": {func(m *maker) { m.edit = jump }, violated},
		"a gap": {func(m *maker) {
			m.edit = nil
			m.records(40)
			m.skip = 60_000
			m.edit = func(_ int, r *telemetry.Record) { jump(99, r) }
		}, pass},
		"suspended": {func(m *maker) { m.edit = withFact(jump, telemetry.FactSuspended) }, pass},
		"probe":     {func(m *maker) { m.edit = withFact(jump, telemetry.FactProbe) }, pass},
		"driver":    {func(m *maker) { m.edit = withFact(jump, telemetry.FactDriver) }, pass},
		"an xid":    {func(m *maker) { m.edit = withFact(jump, telemetry.FactXid) }, violated},
		"restart":   {func(m *maker) { m.records(40); m.restart(); m.edit = func(_ int, r *telemetry.Record) { jump(99, r) } }, pass},
		"GPU gone": {func(m *maker) {
			m.edit = func(i int, r *telemetry.Record) {
				jump(i, r)
				if i == 39 {
					r.Devices = nil
				}
			}
		}, pass},
	} {
		m := newMaker(t, 1)
		m.host.Load = func(int, float64) float64 { return 0.5 }
		c.change(m)
		if got := outcomes(m.records(120).open())[stretch.Apart]; held(got) != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func withFact(next func(int, *telemetry.Record), name string) func(int, *telemetry.Record) {
	return func(i int, r *telemetry.Record) {
		next(i, r)
		if i == 40 {
			r.Facts = []telemetry.Fact{{Name: name}}
		}
	}
}

// A gap that begins or ends outside the time in question covers none of it, however little of it lies within.
func TestGapsThatReachOutsideCoverNothing(t *testing.T) {
	m := newMaker(t, 1).records(10) // up to 15,000 ms
	m.skip = 29_000
	s := m.records(10).open() // from 45,000 ms
	for name, c := range map[string]struct{ from, to, covered, largest uint64 }{
		"its first second": {6_000, 16_000, 9_000, 30_000},
		"its last second":  {44_000, 50_000, 5_000, 30_000},
		"all of it":        {20_000, 40_000, 0, 30_000},
	} {
		if got := s.Cover([16]byte{1}, c.from, c.to); got.CoveredMS != c.covered || got.LargestMS != c.largest || got.TotalMS != c.to-c.from {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A chain that states an hour between sweeps has gaps all the same.
func TestPauseIsTenSecondsAtMost(t *testing.T) {
	for interval, want := range map[uint64]uint64{1: 2, 1000: 2000, 5000: 10_000, 5001: 10_000, 3_600_000: 10_000} {
		if got := stretch.Pause(interval); got != want {
			t.Errorf("%d: %d", interval, got)
		}
	}
	m := newMaker(t, 1)
	m.interval, m.docs, m.heads = 3_600_000, nil, nil
	m.begin(nil)
	m.records(5)
	m.skip = 60_000
	s := m.records(5).open()
	if g := s.Gaps(); g.All != 1 || s.Covered() != 8_000 || s.Cover([16]byte{1}, 6_000, 75_000).CoveredMS != 8_000 {
		t.Errorf("%+v, %d, %+v", g, s.Covered(), s.Cover([16]byte{1}, 6_000, 75_000))
	}
	z, err := stretch.Summarize(m.source(), 1000)
	if err != nil || len(z.Gaps) != 1 {
		t.Errorf("%v", err)
	}
}

func TestGapsAreMeasuredByTimeSinceBoot(t *testing.T) {
	m := newMaker(t, 1).records(10)
	m.skip = 1000 // two intervals: no gap
	m.records(5)
	m.skip = 1001
	m.records(5)
	m.edit = func(i int, r *telemetry.Record) {
		if i == 0 {
			r.At -= 500_000
			r.Facts = []telemetry.Fact{{Name: telemetry.FactMissed, Value: 9, Text: "busy"}}
		}
	}
	m.skip = 10_000
	m.records(5)
	m.edit = nil
	m.restart()
	m.skip = 4_000
	m.records(5)
	m.boot, m.uptime = 2, 3000
	m.restart()
	s := m.records(5).open()
	gaps := s.Gaps()
	g := gaps.List
	if gaps.All != 4 || gaps.Boots != 1 || len(g) != 4 || g[0].Millis != 2001 || g[1].Millis != 11_000 || g[1].Explanation[0].Value != 9 || !g[2].OtherChain || g[2].OtherBoot || g[2].Millis != 5000 || !g[3].OtherBoot {
		t.Errorf("%+v", g)
	}
	if s.Backwards() != nil || s.Covered() != 9_000+2_000+5*4_000 {
		t.Errorf("%v, %d", s.Backwards(), s.Covered())
	}
	if c := s.Cover([16]byte{1}, 6_000, 15_000); c.CoveredMS != 9_000 || c.LargestMS != 0 || c.Percent() != 100 {
		t.Errorf("%+v", c)
	}
	if c := s.Cover([16]byte{1}, 0, 10_000); c.CoveredMS != 4_000 || c.LargestMS != 6_000 {
		t.Errorf("%+v", c)
	}
	if c := s.Cover([16]byte{9}, 6_000, 15_000); c.CoveredMS != 0 {
		t.Errorf("%+v", c)
	}
}
