package stretch

import "github.com/hallmark-attest/hallmark/attest/telemetry"

// Activity is what one GPU did over the shown time. Sums run over the steps in which counters can be followed;
// Seconds is how long those are together.
type Activity struct {
	GPU         string
	Seconds     float64
	EnergyJ     *float64 // by the energy counter
	LimitW      *float64 // highest enforced limit
	RestW       *float64 // lowest sampled power at rest; nil: it was not seen to rest
	Busy        *float64 // mean utilisation, percent
	MostBusy    *float64 // highest utilisation, percent
	LinkSentMiB *float64 // over all NVLinks
	BusyAtPower *float64 // least share of the power between rest and limit over 30 s or more of utilisation at 80 % or above
	BusySeconds float64  // length of that segment
}

const (
	busyFrom = 80 // percent
	restTo   = 5  // percent
	restMiB  = 1024
)

func activity(list []sample) (a Activity) {
	var energy, sent float64
	var energySteps, sentSteps bool
	for i := 1; i < len(list); i++ {
		was, is := list[i-1], list[i]
		if is.cut || is.at <= was.at {
			continue
		}
		a.Seconds += float64(is.at-was.at) / 1000
		if d, ok := grown(was, is, telemetry.Energy); ok {
			energy, energySteps = energy+d/1000, true
		}
		if d, ok := grown(was, is, telemetry.NVLinkSent); ok {
			sent, sentSteps = sent+d/restMiB, true
		}
	}
	if energySteps {
		a.EnergyJ = &energy
	}
	if sentSteps {
		a.LinkSentMiB = &sent
	}
	if v, ok := highest(list, telemetry.EnforcedLimit); ok {
		w := float64(v) / 1000
		a.LimitW = &w
	}
	if v, ok := restingPower(list); ok {
		w := float64(v) / 1000
		a.RestW = &w
	}
	if v, ok := mean(list, telemetry.GPUUtilisation); ok {
		a.Busy = &v
	}
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

// restingPower is the lowest sampled power, mW, while nothing ran: what a card takes that worked all the while says nothing of its rest.
func restingPower(seg []sample) (least int64, ok bool) {
	for _, p := range seg {
		u, known := p.get(telemetry.GPUUtilisation)
		if v, there := p.get(telemetry.AveragePower); there && known && u < restTo && (!ok || v < least) {
			least, ok = v, true
		}
	}
	return least, ok
}

// busyAtPower looks for utilisation without power: the longest times of utilisation at busyFrom or above, and of them the one with the least power.
func (a *Activity) busyAtPower(list []sample) (share *float64, seconds float64) {
	rest := 0.0 // of a card that was not seen to rest: that favours it
	if a.RestW != nil {
		rest = *a.RestW
	}
	if a.LimitW == nil || *a.LimitW <= rest {
		return nil, 0
	}
	busy := func(p sample) bool { u, ok := p.get(telemetry.GPUUtilisation); return ok && u >= busyFrom }
	for _, seg := range segments(list, func(x, y sample) bool { return busy(x) != busy(y) }) {
		if !busy(seg[0]) || length(seg) < minSegment {
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

// power is the mean power of a segment in W: by the energy counter, else by samples.
func power(seg []sample) (float64, bool) {
	if d, ok := grown(seg[0], seg[len(seg)-1], telemetry.Energy); ok && length(seg) > 0 {
		return d / float64(length(seg)), true // mJ/ms
	}
	p, ok := mean(seg, telemetry.AveragePower)
	return p / 1000, ok
}
