package honest

import "github.com/hallmark-attest/hallmark/attest/telemetry"

func engineRestarted(w *world) {
	w.started = w.asked + uint64(w.between(0, 1)*float64(w.sent-w.asked))
}

// engineChanged: after the questions the operator restarts the engine with other settings, which are stated from then on.
func engineChanged(w *world) {
	w.started = w.answered + uint64(w.between(0, 1)*float64(w.sent-w.answered))
	switch w.IntN(3) {
	case 0: // drafts until then
		speculates(w)
		w.speculation = ptr(uint64(0))
	case 1: // a pool until then
		pool(w)
		w.alone = true
	case 2: // cards were taken out
		w.slowed *= 8 / float64(w.count)
	}
}

func agentRestarted(w *world) {
	w.breaks(5 + w.IntN(60))
	w.renewed = true
}

func probeRestarted(w *world) {
	w.breaks(1 + w.IntN(10))
	w.fact = telemetry.FactProbe
}

func sweepsMissed(w *world) {
	w.breaks(2 + w.IntN(30))
	w.fact = telemetry.FactMissed
}

// breaks makes a time without records.
func (w *world) breaks(seconds int) {
	if w.window > 0 {
		w.gap, w.gapAt = min(seconds, w.window/2), 2+w.IntN(w.window/2)
	}
}

// fieldsMissing: what a driver or a board does not give.
func fieldsMissing(w *world) {
	for _, f := range []telemetry.Field{telemetry.Energy, telemetry.AveragePower, telemetry.GPUUtilisation, telemetry.EnforcedLimit, telemetry.NVLinkSent, telemetry.GPUTemperature} {
		w.absent[f] = w.chance(.4)
	}
	w.silentGPU = w.chance(.5)
}

// skewed: a clock without NTP, seconds to an hour off; now and then one that is set right while the claims are made.
func skewed(w *world) {
	if w.chance(.02) {
		w.set = int64(2000 * w.NormFloat64())
	}
	w.skew = int64(one(w, 3_000.0, minute, hour) * w.NormFloat64())
}
