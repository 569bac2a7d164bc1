package agent

import (
	"slices"
	"time"
)

// Those who were just answered are waited for as long as this share of the
// running median of the last quotes, but no longer than BatchOptions.Wait. They ask
// again within milliseconds, if they ask in a closed loop; without waiting they miss
// the next quote, and two halves of one crowd take turns for ever.
const (
	waitShare     = 8 // an eighth
	medianSamples = 16
	// Below this there is no time to come back in: the quote is as short as what is
	// beside it, and the two halves use TPM and processors at the same time.
	shortestWait = 2 * time.Millisecond
)

// pace knows how long quotes take.
type pace struct {
	most time.Duration
	took []time.Duration // of the last quotes, oldest first
}

// quoted is told how long one took.
func (p *pace) quoted(took time.Duration) {
	if p.took = append(p.took, took); len(p.took) > medianSamples {
		p.took = p.took[1:]
	}
}

// wait is how long to wait after a quote for those whom it answered; zero: not at all.
func (p *pace) wait() time.Duration {
	if len(p.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(p.took))
	wait := min(p.most, sorted[len(sorted)/2]/waitShare)
	if wait < shortestWait {
		return 0
	}
	return wait
}
