package stretch

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// H2: telemetry that looks replayed or invented. Integer temperatures repeat on
// honest cards; the low digits of an energy counter under load do not.
const (
	repeatMillis = 20_000
	repeatLeast  = 20   // samples
	busyShare    = 0.25 // of the power limit: below it a card may well repeat itself
	hotShare     = 0.60
	hotFrom      = 300_000 // ms
	coolAbove    = 5       // degrees over idle
)

// share is the mean power of a segment as a part of the highest limit.
func share(seg []sample) (float64, bool) {
	power, ok := mean(seg, telemetry.AveragePower)
	limit, there := highest(seg, telemetry.EnforcedLimit)
	return power / float64(max(limit, 1)), ok && there && limit > 0
}

// coolAtPower: five minutes above 60 % of the limit heat a card over what it was at rest. Some liquid cooling does not let it.
func coolAtPower(list []sample) Check {
	c := Check{Rule: "H2", What: "temperature under load", Outcome: NotEvaluable, Limit: number(coolAbove), Reason: "no five minutes above 60 % of the limit with a temperature, or none at rest to compare with"}
	rest, found := int64(0), false
	for _, p := range list {
		t, ok := p.get(telemetry.GPUTemperature)
		if s, there := share([]sample{p}); ok && there && s < busyShare && (!found || t < rest) {
			rest, found = t, true
		}
	}
	load := func(a, b sample) bool { s, ok := share([]sample{b}); return !ok || s < hotShare }
	for _, seg := range segments(list, load) {
		t, ok := seg[len(seg)-1].get(telemetry.GPUTemperature)
		if !found || !ok || length(seg) < hotFrom {
			continue
		}
		over := float64(t - rest)
		c.Outcome, c.Value, c.Margin = Pass, number(over), number(over-coolAbove)
		c.Reason = fmt.Sprintf("degrees over rest after %d s under load", length(seg)/1000)
		if over < coolAbove {
			c.Outcome = Violated
			return c
		}
	}
	return c
}

// busyAtIdle: utilisation of 100 % for half a minute, and power as at rest. A kernel that only waits does this honestly.
func busyAtIdle(list []sample) Check {
	c := Check{Rule: "H2", What: "power at full utilisation", Outcome: NotEvaluable, Limit: number(100 * busyShare), Reason: "no half minute at 100 % utilisation"}
	idle := func(_, b sample) bool { u, ok := b.get(telemetry.GPUUtilisation); return !ok || u < 100 }
	for _, seg := range segments(list, idle) {
		if u, _ := seg[0].get(telemetry.GPUUtilisation); u < 100 { // the segment begins before the run does
			seg = seg[1:]
		}
		if len(seg) == 0 || length(seg) < minSegment {
			continue
		}
		p, ok := share(seg)
		if !ok {
			continue
		}
		c.Outcome, c.Value, c.Margin = Pass, number(100*p), number(100*(p-busyShare))
		c.Reason = "percent of the power limit at 100 % utilisation"
		if p < busyShare {
			c.Outcome = Violated
			return c
		}
	}
	return c
}
