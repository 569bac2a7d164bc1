package stretch

import (
	"fmt"
	"math"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// E2: the energy counter against the power limit, against the sampled power, and
// against itself. Segments under half a minute are left out: samples of bursts once
// a second say too little.
const minSegment = 30_000 // ms

// fell reports whether the energy counter fell or is missing between two samples.
func fell(a, b sample) bool {
	x, ok := a.get(telemetry.Energy)
	y, there := b.get(telemetry.Energy)
	return !ok || !there || y < x
}

// energySegments are those in which the counter can be followed for long enough.
func energySegments(list []sample) (out [][]sample) {
	for _, seg := range segments(list, fell) {
		if _, ok := seg[0].get(telemetry.Energy); ok && length(seg) >= minSegment {
			out = append(out, seg)
		}
	}
	return out
}

func used(seg []sample) float64 {
	a, _ := seg[0].get(telemetry.Energy)
	b, _ := seg[len(seg)-1].get(telemetry.Energy)
	return float64(b) - float64(a)
}

// worst keeps the segment with the greatest value.
func worst(what string, segs [][]sample, value func([]sample) (float64, bool)) Check {
	c := Check{Rule: "E2", What: what, Reason: "no segment of 30 s or more has the values"}
	for _, seg := range segs {
		if v, ok := value(seg); ok && (c.Value == nil || v > *c.Value) {
			c.Value, c.Reason = &v, fmt.Sprintf("the worst of %d segments", len(segs))
		}
	}
	return c
}

// OverLimit is the part of E2 that holds energy against the power limit.
const OverLimit = "energy against the power limit"

// energyAgainstLimit is energy in percent of what the highest enforced limit allows.
func energyAgainstLimit(list []sample) Check {
	return worst(OverLimit, energySegments(list), func(seg []sample) (float64, bool) {
		limit, ok := highest(seg, telemetry.EnforcedLimit)
		allowed := float64(limit) * float64(length(seg)) / 1000 // mW ms are uJ
		return 100 * used(seg) / allowed, ok && limit > 0
	})
}

// Apart is the part of E2 that holds energy against sampled power.
const Apart = "energy against sampled power"

// energyAgainstPower is by how many percent counter and samples tell of different energy.
func energyAgainstPower(list []sample) Check {
	return worst(Apart, energySegments(list), func(seg []sample) (float64, bool) {
		sum := 0.0
		for i := 1; i < len(seg); i++ {
			a, ok := seg[i-1].get(telemetry.AveragePower)
			b, there := seg[i].get(telemetry.AveragePower)
			if !ok || !there {
				return 0, false
			}
			sum += (float64(a) + float64(b)) / 2 * float64(seg[i].at-seg[i-1].at) / 1000
		}
		dE := used(seg)
		if dE == 0 {
			return 1000, sum > 0 // no energy by the counter, and power all the while
		}
		return 100 * math.Abs(dE-sum) / dE, true
	})
}

// Rises is the part of E2 that says whether the energy counter only rose.
const Rises = "energy counter rises"

// energyRises counts how often the counter fell: it does so only with the driver, whose fact cuts the segment.
func energyRises(list []sample) Check {
	c := Check{Rule: "E2", What: Rises, Reason: "no two samples have the counter"}
	falls, steps := 0.0, 0
	for i := 1; i < len(list); i++ {
		x, ok := list[i-1].get(telemetry.Energy)
		y, there := list[i].get(telemetry.Energy)
		if list[i].cut || !ok || !there {
			continue
		}
		steps++
		if y < x {
			falls++
		}
	}
	if steps > 0 {
		c.Value, c.Reason = &falls, fmt.Sprintf("%d steps", steps)
	}
	if falls > 0 {
		c.Reason = "the counter fell, and no fact says that the driver was loaded anew"
	}
	return c
}
