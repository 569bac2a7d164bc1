package stretch

import "github.com/hallmark-attest/hallmark/attest/telemetry"

// Activity is what one GPU did over the shown time. Sums run over the steps in which counters can be followed;
// Seconds is how long those are together.
type Activity struct {
	GPU     string
	Seconds float64
	EnergyJ *float64 // by the energy counter; nil where a step has none
	LimitW  *float64 // highest enforced limit
	// RestW is the lowest sampled power at rest, that is at a utilisation below 5 %; nil where it never rested: a card that always works has no power of rest to see.
	RestW       *float64
	MostBusy    *float64 // highest utilisation, percent
	LinkSentMiB *float64 // over all NVLinks
	BusyAtPower *float64 // least share of the power between rest and limit over 30 s or more of utilisation at 80 % or above, not held down by heat
	BusySeconds float64  // length of that segment
}

const (
	busyFrom     = 80 // percent
	restingBelow = 5  // percent
	kibPerMiB    = 1024
)

func activity(list []sample) (a Activity) {
	var energy, sent float64
	energySteps, sentSteps := len(list) > 1, len(list) > 1
	for i := 1; i < len(list); i++ {
		was, is := list[i-1], list[i]
		if is.cut || is.at <= was.at {
			continue
		}
		a.Seconds += float64(is.at-was.at) / 1000
		if d, ok := grown(was, is, telemetry.Energy); ok {
			energy += d / 1000
		} else {
			energySteps = false // what is not counted would read as not used
		}
		if d, ok := grown(was, is, telemetry.NVLinkSent); ok {
			sent += d / kibPerMiB
		} else {
			sentSteps = false
		}
	}
	if energySteps && a.Seconds > 0 {
		a.EnergyJ = &energy
	}
	if sentSteps && a.Seconds > 0 {
		a.LinkSentMiB = &sent
	}
	if v, ok := highest(list, telemetry.EnforcedLimit); ok {
		w := float64(v) / 1000
		a.LimitW = &w
	}
	a.RestW = rest(list)
	if v, ok := highest(list, telemetry.GPUUtilisation); ok {
		most := float64(v)
		a.MostBusy = &most
	}
	a.BusyAtPower, a.BusySeconds = a.busyAtPower(list)
	return a
}

// grown is by how much a counter grew in one step; one that fell was cleared, and says nothing.
func grown(was, is sample, f telemetry.Field) (float64, bool) {
	x, ok := was.get(f)
	y, ok2 := is.get(f)
	return float64(y - x), ok && ok2 && y >= x
}

// rest is the lowest power at a utilisation below restingBelow.
func rest(list []sample) (w *float64) {
	for _, p := range list {
		u, known := p.get(telemetry.GPUUtilisation)
		v, ok := p.get(telemetry.AveragePower)
		if watts := float64(v) / 1000; known && ok && u < restingBelow && (w == nil || watts < *w) {
			w = &watts
		}
	}
	return w
}

// busyAtPower looks for utilisation without power: the longest times of utilisation at busyFrom or above, and of them the one with the least power.
func (a *Activity) busyAtPower(list []sample) (share *float64, seconds float64) {
	if a.LimitW == nil || *a.LimitW <= 0 {
		return nil, 0
	}
	rest := 0.0 // of a card that never rested: more of its power counts for it
	if a.RestW != nil {
		rest = min(*a.RestW, *a.LimitW/2)
	}
	busy := func(p sample) bool { u, ok := p.get(telemetry.GPUUtilisation); return ok && u >= busyFrom }
	for _, seg := range segments(list, func(x, y sample) bool { return busy(x) != busy(y) }) {
		if !busy(seg[0]) || length(seg) < minSegment || held(seg) { // a card held down by heat is busy at little power
			continue
		}
		watts, ok := power(seg)
		if !ok {
			continue
		}
		if s := (watts - rest) / (*a.LimitW - rest); share == nil || s < *share {
			share, seconds = &s, float64(length(seg))/1000
		}
	}
	return share, seconds
}

// held reports whether heat or power brake held the clocks down for a twentieth of a segment or more.
func held(seg []sample) bool {
	for _, f := range heat {
		if ns, ok := grown(seg[0], seg[len(seg)-1], f); ok && ns >= float64(length(seg))*1e6/20 {
			return true
		}
	}
	return false
}

// power is the mean power of a segment in W: by the energy counter, else by samples.
func power(seg []sample) (float64, bool) {
	if d, ok := grown(seg[0], seg[len(seg)-1], telemetry.Energy); ok && length(seg) > 0 {
		return d / float64(length(seg)), true // mJ/ms
	}
	p, ok := mean(seg, telemetry.AveragePower)
	return p / 1000, ok
}
