package verify

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
)

// C1, clock continuity: TPM clock and counters only go up until TPM2_Clear
// (Part 1, "Timing Components"; Part 2, 10.11.1). The quote signs them, the
// validator's own times bracket each quote, so a step back is a contradiction
// between statements of one TPM: a restored state, or a copy of a virtual one.
//
// No honest event contradicts: a reset or hibernation counts up; power loss sets the clock
// back, once and again, to a value that NV already held; suspension stops it; kexec and
// a paused machine leave all as it is; TPM2_Clear and firmware updates begin anew.

const (
	// clockSlackMillis is how far the clock may fall back over a reset: it is
	// written to NV at least once in 2^22 ms (Part 1, "Clock"). Repeated power loss adds nothing: NV only goes up.
	clockSlackMillis = 1 << 22
	// The clock's rate is within 32.5 % of real time: 15 % of the oscillator and what
	// TPM2_ClockRateAdjust adds (Part 1, "Clock"; far less was measured).
	rateNumerator, rateDenominator = 1325, 1000
	// No TPM has run for so long, 34 years: a clock above was set by TPM2_ClockSet, which only goes forward.
	setMillis = 1 << 40
	// Intervals shorter than this say nothing about the rate.
	rateFromMillis = 10 * 60 * 1000
)

var clockSkewMillis = uint64(clockSkew.Milliseconds())

// step is how one quote stands to an earlier one, from the best to the worst.
type step int

const (
	stepOK       step = iota
	stepRate          // same power cycle, and the clock ran at another rate than time
	stepCleared       // began anew: TPM2_Clear, a firmware update, or a young copy
	stepRollback      // went back
)

// stepNames are the words of rule C1.
var stepNames = [...]string{"continuous", "rate", "cleared", "rollback"}

// compareClocks holds a later quote against an earlier one of the same key.
// least and most bound the real time between them in milliseconds.
func compareClocks(was, is *attest.VerdictClock, least, most uint64) (step, string) {
	seen := fmt.Sprintf("clock %d ms, %d resets, %d restarts; before: %d ms, %d resets, %d restarts", is.Clock, is.Resets, is.Restarts, was.Clock, was.Resets, was.Restarts)
	sameReset := is.Resets == was.Resets
	sameCycle := sameReset && is.Restarts == was.Restarts
	counters := is.Resets < was.Resets || sameReset && is.Restarts < was.Restarts
	slack := uint64(clockSlackMillis)
	if sameCycle {
		slack = 0
	}
	if counters || is.Clock < was.Clock && was.Clock-is.Clock > slack {
		if begunAnew(was, is, most) {
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

// begunAnew reports whether an honest TPM can stand so after one that stood higher.
func begunAnew(was, is *attest.VerdictClock, most uint64) bool {
	switch {
	case is.Clock <= stretched(most): // TPM2_Clear began at zero somewhere in between, so it shows no more than has passed since
		return true
	case is.Firmware != was.Firmware: // an update may lose what it likes
		return true
	}
	// TPM2_Clear, then TPM2_ClockSet: a state from before was, however long it ran since, shows no more than was and
	// what has passed. A clock that is kept at the time of day shows about as much.
	ahead := is.Clock > was.Clock && is.Clock-was.Clock > stretched(most)
	return ahead || is.Clock >= setMillis && (is.Clock >= was.Clock || was.Clock-is.Clock <= clockSlackMillis)
}

func stretched(ms uint64) uint64 {
	if ms > 1<<50 { // a hostile clock must not overflow
		return ms
	}
	return ms * rateNumerator / rateDenominator
}

// clock judges C1 against the verdicts of this attestation key, and says the worst. Old ones count as new ones
// do: what went back once has not come right with the next quote.
func (ap *Appraised) clock(h *History) {
	a := ap.auth
	is := a.clock()
	if is == nil {
		return
	}
	by := a.rootAssurance()
	const check = "TPM clock against history"
	if !is.Safe {
		ap.findings.unknown("clock.unsafe", "TPM clock", by, "safe", "not safe: power was lost without an orderly shutdown")
	}
	before, after, near := h.around(a, is.AK)
	what, seen := worstStep(a, is, before, after)
	if len(before)+len(after) == 0 && len(near) > 0 {
		// Their order is not sure enough to accuse by; going on is going on.
		if step, said := compareClocks(near[0].Clock, is, 0, clockSkewMillis); step == stepOK {
			seen = said
		}
	}
	// Near ones too: a validator that asks often sees no others, and would soon forget.
	if old, said := standing(slices.Concat(before, near)); old > what {
		what, seen = old, said
	}
	if seen == "" {
		ap.findings.unknown("clock.not_evaluable", check, by, "earlier verdicts of this key", "none that is more than "+clockSkew.String()+" away")
		return
	}
	ap.cleared, ap.clockStep, ap.clockSeen = what == stepCleared, stepNames[what], seen
	switch what {
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

// standing is what earlier verdicts said and nothing has healed since: enrolment heals, and verdicts from before it are not here.
func standing(earlier []attest.Verdict) (worst step, seen string) {
	for _, v := range earlier {
		for id, s := range map[string]step{"tpm.cleared": stepCleared, "clock.rollback": stepRollback} {
			if s > worst && slices.Contains(v.Findings, id) {
				worst, seen = s, "seen at "+stamp(v.Received)+"; enroll the node again"
			}
		}
	}
	return worst, seen
}

// worstStep compares with all; the rate is judged over the nearest intervals alone, since one pause spoils all that hold it.
func worstStep(a *Authenticated, is *attest.VerdictClock, before, after []attest.Verdict) (worst step, seen string) {
	r := &a.record
	take := func(nearest bool, what step, said string) {
		if what == stepRate && !nearest {
			return
		}
		if seen == "" || what > worst {
			worst, seen = what, said
		}
	}
	for i, v := range before {
		what, said := compareClocks(v.Clock, is, r.Sent-v.Received-clockSkewMillis, saturated(r.Received-v.Sent, clockSkewMillis))
		take(i == 0, what, said)
	}
	for i, v := range after {
		what, said := compareClocks(is, v.Clock, v.Sent-r.Received-clockSkewMillis, saturated(v.Received-r.Sent, clockSkewMillis))
		take(i == 0, what, said)
	}
	return worst, seen
}

// saturated adds without overflow.
func saturated(x, y uint64) uint64 {
	if x+y < x {
		return ^uint64(0)
	}
	return x + y
}
