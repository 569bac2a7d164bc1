package recorder

import (
	"time"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// noticeable is by how much clocks must differ for it to be a fact: more than what
// reading them one after the other, or slewing over minutes, makes of it.
const noticeable = time.Second

// watch turns readings of the clocks into facts.
type watch struct {
	interval  time.Duration
	last      moment // of the last record
	clockBase moment // against which the wall clock is held
	begun     bool
}

// facts are what happened to time since the record before.
func (w *watch) facts(now moment) (facts []telemetry.Fact, missed uint64) {
	if !w.begun {
		w.begun, w.last, w.clockBase = true, now, now
		return nil, 0
	}
	if d := now.jump(w.clockBase); d.Abs() >= noticeable {
		facts = append(facts, telemetry.Fact{Name: telemetry.FactClock, Value: d.Milliseconds()})
		w.clockBase = now
	}
	if d := now.slept(w.last); d >= noticeable {
		facts = append(facts, telemetry.Fact{Name: telemetry.FactSuspended, Value: d.Milliseconds()})
	}
	// Sweeps that were due while the host ran: none is due in suspend.
	if due := (now.running - w.last.running + w.interval/2) / w.interval; due > 1 {
		missed = uint64(due - 1)
		facts = append(facts, telemetry.Fact{Name: telemetry.FactMissed, Value: int64(missed), Text: "the agent did not run"})
	}
	w.last = now
	return facts, missed
}
