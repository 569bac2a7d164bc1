package stretch

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// H1: how long the clocks were held down by heat or power brake, and how they fell.
// A hot room and a power cap are honest: this lowers what a node can do, not what it is worth.
const throttleFrom = 600_000 // ms: shorter stretches do not heat a card through

// Throttled is what H1 computes.
const Throttled = "throttled by heat"

// heat are the counters of time under a thermal or power-brake limit. They overlap, so the greatest counts.
var heat = []telemetry.Field{telemetry.Thermal, telemetry.SWThermal, telemetry.HWThermal, telemetry.HWPowerBrake}

func throttled(list []sample) Check {
	c := Check{Rule: "H1", What: Throttled, Reason: "less than 10 min of counters that can be followed"}
	var best []sample
	for _, seg := range segments(list, nil) {
		if len(best) == 0 || length(seg) > length(best) {
			best = seg
		}
	}
	if len(best) == 0 || length(best) < throttleFrom {
		return c
	}
	most, found := 0.0, false
	for _, f := range heat {
		a, ok := best[0].get(f)
		b, there := best[len(best)-1].get(f)
		if ok && there && b >= a {
			most, found = max(most, float64(b-a)/(float64(length(best))*1e6)*100), true
		}
	}
	if !found {
		return c
	}
	c.Value = &most
	c.Reason = fmt.Sprintf("over %d s", length(best)/1000)
	third := len(best) / 3
	early, ok := mean(best[:third], telemetry.SMClock)
	late, there := mean(best[len(best)-third:], telemetry.SMClock)
	if ok && there && early > 0 {
		c.Reason += fmt.Sprintf("; SM clock in its last third %.0f %% of that in its first", 100*late/early)
	}
	return c
}
