package stretch

import (
	"fmt"
	"math"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// E2: the energy counter against the power limit, against the sampled power, and
// against itself. Segments under half a minute are left out: samples of bursts once
// a second say too little.
const (
	minSegment   = 30_000 // ms
	limitFactor  = 1.05
	powerPercent = 10
)

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

// worst keeps the segment that is nearest to its limit, or furthest beyond it.
func worst(what string, limit float64, segs [][]sample, value func([]sample) (float64, bool)) Check {
	most, found := math.Inf(-1), false
	for _, seg := range segs {
		if v, ok := value(seg); ok && (!found || v > most) {
			most, found = v, true
		}
	}
	if !found {
		return Check{Rule: "E2", What: what, Outcome: NotEvaluable, Reason: "no segment of 30 s or more has the values", Limit: number(limit)}
	}
	c := Check{Rule: "E2", What: what, Outcome: Pass, Value: number(most), Limit: number(limit), Margin: number(limit - most),
		Reason: fmt.Sprintf("the worst of %d segments", len(segs))}
	if most > limit {
		c.Outcome = Violated
	}
	return c
}

// energyAgainstLimit: a board does not use more than 1.05 times its highest enforced limit allows.
func energyAgainstLimit(list []sample) Check {
	return worst("energy against the power limit", limitFactor*100, energySegments(list), func(seg []sample) (float64, bool) {
		limit, ok := highest(seg, telemetry.EnforcedLimit)
		allowed := float64(limit) * float64(length(seg)) / 1000 // mW ms are uJ
		return 100 * used(seg) / allowed, ok && limit > 0
	})
}

// energyAgainstPower: counter and samples tell of the same energy.
func energyAgainstPower(list []sample) Check {
	return worst("energy against sampled power", powerPercent, energySegments(list), func(seg []sample) (float64, bool) {
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

// energyRises: the counter falls only with the driver, whose fact cuts the segment.
func energyRises(list []sample) Check {
	c := Check{Rule: "E2", What: Rises, Outcome: NotEvaluable, Limit: "0", Reason: "no two samples have the counter"}
	falls, steps := 0, 0
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
		c.Outcome, c.Reason = Pass, fmt.Sprintf("%d steps", steps)
		c.Value, c.Margin = fmt.Sprint(falls), fmt.Sprint(-falls)
	}
	if falls > 0 {
		c.Outcome, c.Reason = Violated, "the counter fell, and no fact says that the driver was loaded anew"
	}
	return c
}

// number writes a value with a tenth.
func number(v float64) string { return fmt.Sprintf("%.1f", v) }
