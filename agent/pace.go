package agent

import (
	"slices"
	"time"
)

// Those who were answered are waited for as long as this share of the running
// median of the last quotes, but no longer than BatchOptions.Wait. They ask again
// within milliseconds, if they ask in a closed loop; who misses a quote waits for
// another whole one.
const (
	waitShare     = 8 // an eighth
	medianSamples = 16
	// Below this there is no time to be answered and come back in: the quote is as short as
	// what is beside it, and two halves of a crowd use TPM and processors at the same time.
	shortestWait = 2 * time.Millisecond
)

// pace knows how long quotes take.
type pace struct {
	most, shortest time.Duration
	took           []time.Duration // of the last quotes, oldest first
}

// quoted is told how long one took.
func (p *pace) quoted(took time.Duration) {
	if p.took = append(p.took, took); len(p.took) > medianSamples {
		p.took = p.took[1:]
	}
}

// wait is how long to wait for a crowd, and whether that is long enough for those whom the
// quote that just ended has answered. Over a fast TPM it is not: then the ones
// to come are those who were answered while it ran.
func (p *pace) wait() (most time.Duration, slow bool) {
	if len(p.took) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(p.took))
	most = min(p.most, sorted[len(sorted)/2]/waitShare)
	return most, most >= p.shortest
}
