package recorder

import (
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

func TestClocksBecomeFacts(t *testing.T) {
	base := moment{wall: time.Unix(1_700_000_000, 0), boot: time.Hour, running: time.Hour}
	step := func(wall, boot, running time.Duration) moment {
		return moment{base.wall.Add(wall), base.boot + boot, base.running + running}
	}
	for name, c := range map[string]struct {
		next moment
		want telemetry.Fact
	}{
		"nothing":           {step(1100*time.Millisecond, time.Second, time.Second), telemetry.Fact{}},
		"clock set forward": {step(time.Hour, time.Second, time.Second), telemetry.Fact{Name: telemetry.FactClock, Value: 3_599_000}},
		"clock set back":    {step(-time.Hour, time.Second, time.Second), telemetry.Fact{Name: telemetry.FactClock, Value: -3_601_000}},
		"suspended":         {step(time.Hour, time.Hour, time.Second), telemetry.Fact{Name: telemetry.FactSuspended, Value: 3_599_000}},
		"stopped":           {step(time.Minute, time.Minute, time.Minute), telemetry.Fact{Name: telemetry.FactMissed, Value: 59, Text: "the agent did not run"}},
		"late by a half":    {step(1400*time.Millisecond, 1400*time.Millisecond, 1400*time.Millisecond), telemetry.Fact{}},
	} {
		w := watch{interval: time.Second}
		if facts, _ := w.facts(base); facts != nil {
			t.Fatalf("%s: %v", name, facts)
		}
		facts, missed := w.facts(c.next)
		switch {
		case c.want.Name == "" && len(facts) == 0:
		case len(facts) != 1 || facts[0] != c.want:
			t.Errorf("%s: %+v, want %+v", name, facts, c.want)
		}
		if want := uint64(max(c.want.Value, 0)); c.want.Name == telemetry.FactMissed && missed != want {
			t.Errorf("%s: %d missed", name, missed)
		}
		again := c.next
		again.wall, again.boot, again.running = again.wall.Add(time.Second), again.boot+time.Second, again.running+time.Second
		if facts, _ := w.facts(again); len(facts) != 0 {
			t.Errorf("%s: said twice: %+v", name, facts)
		}
	}
}

// TestSlewingIsToldOnceASecondOfIt: a clock that is slewed for hours does not go unseen, and is no fact on every tick.
func TestSlewingIsToldOnceASecondOfIt(t *testing.T) {
	w := watch{interval: time.Second}
	m := moment{wall: time.Unix(1_700_000_000, 0)}
	n := 0
	for range 5000 {
		facts, _ := w.facts(m)
		n += len(facts)
		m.wall = m.wall.Add(time.Second + 500*time.Microsecond)
		m.boot, m.running = m.boot+time.Second, m.running+time.Second
	}
	if n != 2 {
		t.Errorf("%d facts for 2.5 s, want 2", n)
	}
}
