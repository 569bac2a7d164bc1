package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// C1, clock continuity: TPM clock and counters only go up until TPM2_Clear
// (Part 1, "Timing Components"; Part 2, 10.11.1). The quote signs them, the
// validator's own times bracket each quote, so a step back is a contradiction
// between statements of one TPM: a restored state, or a copy of a virtual one.

const (
	// clockSlackMillis is how far the clock may fall back over a reset: it is
	// written to NV at least once in 2^22 ms (Part 1, "Clock").
	clockSlackMillis = 1 << 22
	// The clock's rate is within 32.5 % of real time: 15 % of the oscillator and what
	// TPM2_ClockRateAdjust adds (Part 1, "Clock"; notes measured far less).
	rateNumerator, rateDenominator = 1325, 1000
	// Intervals shorter than this say nothing about the rate.
	rateFromMillis = 10 * 60 * 1000
)

// step is how one quote stands to an earlier one.
type step int

const (
	stepOK       step = iota
	stepCleared       // both restarted: TPM2_Clear, or a young copy
	stepRollback      // went back
	stepRate          // same power cycle, and the clock ran at another rate than time
)

// compareClocks holds a later quote against an earlier one of the same key.
// least and most bound the real time between them in milliseconds.
func compareClocks(was, is *attest.VerdictClock, least, most uint64) (step, string) {
	seen := fmt.Sprintf("clock %d ms, %d resets, %d restarts; before: %d ms, %d resets, %d restarts", is.Clock, is.Resets, is.Restarts, was.Clock, was.Resets, was.Restarts)
	sameReset := is.Resets == was.Resets
	sameCycle := sameReset && is.Restarts == was.Restarts
	back := is.Resets < was.Resets || sameReset && is.Restarts < was.Restarts ||
		sameCycle && is.Clock < was.Clock || !sameCycle && is.Clock+clockSlackMillis < was.Clock
	if back {
		// After TPM2_Clear the clock began at zero somewhere in between, so it shows no more than has passed since.
		if is.Clock <= stretched(most) {
			return stepCleared, seen
		}
		return stepRollback, seen
	}
	if sameCycle && least >= rateFromMillis {
		if ran := is.Clock - was.Clock; stretched(ran) < least || ran > stretched(most) {
			return stepRate, fmt.Sprintf("%d ms on the TPM's clock, %d to %d ms on the validator's", ran, least, most)
		}
	}
	return stepOK, seen
}

func stretched(ms uint64) uint64 {
	if ms > 1<<50 { // a hostile clock must not overflow
		return ms
	}
	return ms * rateNumerator / rateDenominator
}

// clock judges C1 against the nearest verdicts of this attestation key.
func (ap *Appraised) clock(h *History) {
	a := ap.auth
	is := a.clock()
	if is == nil {
		return
	}
	if !is.Safe {
		ap.findings.unknown("clock.unsafe", "TPM clock", a.rootAssurance(), "safe", "not safe: power was lost without an orderly shutdown")
	}
	before, after := h.neighbours(a, is.AK)
	if before == nil && after == nil {
		ap.findings.unknown("clock.not_evaluable", "TPM clock against history", a.rootAssurance(), "earlier verdicts of this key", "no history")
		return
	}
	if before != nil {
		ap.step(before.Clock, is, before.Sent, before.Received, a.record.Sent, a.record.Received)
	}
	if after != nil {
		ap.step(is, after.Clock, a.record.Sent, a.record.Received, after.Sent, after.Received)
	}
}

func (ap *Appraised) step(was, is *attest.VerdictClock, wasSent, wasReceived, isSent, isReceived uint64) {
	if isSent <= wasReceived {
		return // the exchanges overlap: which quote was made first, or whether both are one, is not known
	}
	by := ap.auth.rootAssurance()
	const check = "TPM clock against history"
	switch what, seen := compareClocks(was, is, isSent-wasReceived, isReceived-wasSent); what {
	case stepRollback:
		ap.findings.bad("clock.rollback", check, by, "clock and counters that only go up", seen)
	case stepCleared:
		ap.findings.warn("tpm.cleared", check, by, "clock and counters that only go up", seen)
	case stepRate:
		ap.findings.warn("clock.rate", check, by, "a rate within 32.5 % of real time", seen)
	default:
		ap.findings.good("clock.continuous", check, by, seen)
	}
}
