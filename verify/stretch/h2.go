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
)

// Repeats and Warmth are the parts of H2.
const (
	Repeats = "energy increments that repeat"
	Warmth  = "temperature under load"
)

// share is the mean power of a segment as a part of the highest limit.
func share(seg []sample) (float64, bool) {
	power, ok := mean(seg, telemetry.AveragePower)
	limit, there := highest(seg, telemetry.EnforcedLimit)
	return power / float64(max(limit, 1)), ok && there && limit > 0
}

// coolAtPower: five minutes above 60 % of the limit heat a card over what it was at rest. Some liquid cooling does not let it.
func coolAtPower(list []sample) Check {
	c := Check{Rule: "H2", What: Warmth, Reason: "no five minutes above 60 % of the limit with a temperature, or none at rest to compare with"}
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
		if over := float64(t - rest); c.Value == nil || over < *c.Value {
			c.Value, c.Reason = &over, fmt.Sprintf("degrees over rest after %d s under load", length(seg)/1000)
		}
	}
	return c
}
