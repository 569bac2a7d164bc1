package stretch

import (
	"math/rand/v2"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// load is a card at work whose increments are noise; the last n repeat those of the same time before where again is set.
func load(samples, n int, again bool) (out []sample) {
	random := rand.New(rand.NewPCG(1, 2))
	var deltas []int64
	energy := int64(0)
	for i := range samples {
		d := 600_000 + random.Int64N(5_000)
		if again && i >= samples-n {
			d = deltas[i-n]
		}
		deltas = append(deltas, d)
		energy += d
		var vs telemetry.Values
		vs.Set(telemetry.AveragePower, 600_000)
		vs.Set(telemetry.EnforcedLimit, 700_000)
		vs.Set(telemetry.Energy, energy)
		out = append(out, sample{at: uint64(i) * 1000, values: vs})
	}
	return out
}

// Of more runs than are compared a part is, and a replay is among it wherever it begins.
func TestRepeatsAreFoundAmongMoreRunsThanAreCompared(t *testing.T) {
	for _, most := range []int{10_000, 500, 100} {
		if c := repeats(load(5000, 1000, true), most); c.Value == nil || *c.Value == 0 {
			t.Errorf("%d: %+v", most, c)
		}
		if c := repeats(load(5000, 1000, false), most); c.Value == nil || *c.Value != 0 {
			t.Errorf("%d: %+v", most, c)
		}
	}
}
