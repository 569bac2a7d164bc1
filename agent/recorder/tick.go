package recorder

import (
	"context"
	"errors"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// sweepDeadline is when the probe itself is given up. Its first sweep initialises the
// driver, which takes seconds; a GPU that hangs is given up within the interval.
const sweepDeadline = 10 * time.Second

// swept is what one sweep gave.
type swept struct {
	sweep *gpu.Sweep
	err   error
}

// tick makes a record for every interval. A sweep that is late leaves records that say
// so, and is recorded when it arrives; a second one is not begun beside it.
func (r *Recorder) tick(ctx context.Context) {
	ticks := r.o.Ticks
	if ticks == nil {
		t := time.NewTicker(r.o.Interval)
		defer t.Stop()
		ticks = t.C
	}
	done := make(chan swept, 1)
	asking, late := false, false
	minute := r.o.Clock.Running() - time.Hour
	ask := func() {
		now := r.o.Clock.Running()
		p := gpu.SweepParams{BudgetMillis: uint64(max(r.o.Interval*8/10, time.Millisecond).Milliseconds())}
		if now-minute >= r.o.Minute {
			p.Minute, minute = true, now
		}
		asking, late = true, false
		go func() {
			ctx, cancel := context.WithTimeout(ctx, sweepDeadline)
			defer cancel()
			s, err := r.o.Sweeper.Sweep(ctx, p)
			done <- swept{s, err}
		}()
	}
	for ask(); ; {
		select {
		case s := <-done:
			asking = false
			if ctx.Err() == nil {
				r.record(s.reading())
			}
			if late { // its own tick is long over: the next one is due now
				ask()
			}
		case <-ticks:
			if asking {
				late = true
				r.record(reading{absent: []attest.Absence{attest.Absent(string(attest.KindGPU), attest.Timeout, "no answer of the probe yet")}})
				continue
			}
			ask()
		case <-ctx.Done():
			if asking {
				<-done // it returns: its context is ours
			}
			return
		}
	}
}

// reading is what goes into one record beside times.
type reading struct {
	devices []telemetry.Device
	absent  []attest.Absence
	facts   []telemetry.Fact
}

func (s swept) reading() reading {
	var why *attest.AbsentError
	switch {
	case s.err == nil:
		return reading{s.sweep.Devices, s.sweep.Absent, s.sweep.Facts}
	case errors.As(s.err, &why):
		return reading{absent: []attest.Absence{attest.Absent(string(attest.KindGPU), why.Absence.Reason, "%s", attest.Clean(why.Absence.Detail))}}
	}
	return reading{absent: []attest.Absence{attest.Absent(string(attest.KindGPU), attest.Failed, "%s", attest.Clean(s.err.Error()))}}
}
