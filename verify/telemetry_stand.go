package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// How a chain stands to an earlier or later sighting.
const (
	standBack     = "telemetry.back"
	standDisputed = "by the validator's clock alone"
	standParallel = "telemetry.parallel"
	standUnlinked = "telemetry.unlinked"
	standLost     = "telemetry.lost"
	standGoesOn   = "telemetry.continues"
)

// standOrder is the order in which they are said.
var standOrder = []string{standBack, standDisputed, standParallel, standUnlinked, standLost, standGoesOn}

// orderSlack is how far two times since boot may be out of order: claims of two
// batches are not read in one moment.
const orderSlack = 10_000 // ms

// stand compares the quoted chain with a sighting; "" where nothing can be told.
func (ap *Appraised) stand(s *sighting) (what, seen string) {
	q, r := ap.chain.quotedChain, &ap.auth.record
	if s.Genesis == q.head.Genesis {
		// By the validator's time, or by the node's own: either way an index that fell is an older state.
		earlier, earlierThere := surelyBefore(s.received, r.Sent), s.Now+orderSlack < q.Now
		later, laterThere := surelyBefore(r.Received, s.sent), q.Now+orderSlack < s.Now
		fell := func(earlier, later bool) bool { return earlier && q.Index < s.Index || later && q.Index > s.Index }
		disputed := (earlier && laterThere || later && earlierThere) && ap.tpmOrders(s, earlierThere)
		switch {
		case fell(earlierThere, laterThere) || fell(earlier, later) && !disputed:
			return standBack, fmt.Sprintf("record %d at %d ms since boot, record %d at %d ms in", q.Index, q.Now, s.Index, s.Now)
		case fell(earlier, later):
			return standDisputed, fmt.Sprintf("record %d at %d ms since boot, asked at %s; record %d at %d ms, asked at %s: time since boot and the TPM's clock have them in the other order; in",
				q.Index, q.Now, stamp(r.Sent), s.Index, s.Now, stamp(s.sent))
		}
		if s.Index <= q.Index {
			return standGoesOn, fmt.Sprintf("from record %d to record %d since", s.Index, q.Index)
		}
		return "", ""
	}
	g := q.begin()
	if g.BootID == s.BootID && g.Uptime+orderSlack < s.Now && s.Began+orderSlack < q.Now {
		return standParallel, fmt.Sprintf("this chain began %d ms after boot, another one was quoted at %d ms in", g.Uptime, s.Now)
	}
	if next := q.successor(s); next != nil {
		switch at := next.Previous.Index; {
		case at < s.StoredTo:
			return standLost, fmt.Sprintf("the next chain follows record %d, record %d was stored in", at, s.StoredTo)
		case at < s.Index:
			return standGoesOn, fmt.Sprintf("the agent was started anew; records %d to %d, not yet stored, went with that, quoted in", at+1, s.Index)
		}
		return standGoesOn, "the agent was started anew, from"
	}
	if g.BootID != s.BootID || s.Began >= q.Now { // another boot, or a chain behind this one
		return "", ""
	}
	return standUnlinked, fmt.Sprintf("chain %s, ordinal %d, is not among the %d that this one names, quoted in", s.Genesis.Short(), s.Ordinal, len(q.genesis))
}

// tpmOrders reports whether the TPM's clock has the sighting before this record, or behind
// it. Where it says so with the time since boot, and against the validator's times, either
// the validator's clock was set back or the machine with its TPM; of a virtual one nobody
// can tell which here. Rule C1 goes by the validator's clock.
func (ap *Appraised) tpmOrders(s *sighting, before bool) bool {
	is, was := ap.auth.clock(), s.clock
	if is == nil || was == nil || is.AK != was.AK || is.Resets != was.Resets || is.Restarts != was.Restarts {
		return false
	}
	return before && was.Clock < is.Clock || !before && is.Clock < was.Clock
}

// successor is the chain that names the sighting's as the one before it, nil where none does.
func (q *quotedChain) successor(s *sighting) *telemetry.Genesis {
	for _, g := range q.genesis {
		if g.Previous != nil && g.Previous.Genesis == s.Genesis {
			return g
		}
	}
	return nil
}

func (ap *Appraised) sayStand(id, seen, by string) {
	const check = "telemetry against other evidence"
	seen += " " + by
	switch id {
	case standBack:
		ap.findings.bad(id, check, Asserted, "records that only grow", seen)
	case standDisputed:
		ap.findings.unknown(standBack, check, Asserted, "one order by all clocks", seen)
	case standParallel:
		ap.chain.parallel = true
		ap.findings.warn(id, check, Asserted, "one chain at a time", seen)
	case standUnlinked:
		if len(ap.chain.genesis) > telemetry.MaxAncestors { // started more often than claims can name
			ap.findings.unknown(id, check, Asserted, "a chain that leads back to it", seen)
			return
		}
		ap.findings.warn(id, check, Asserted, "a chain that leads back to it", seen)
	case standLost:
		ap.findings.warn(id, check, Asserted, "all that was stored", seen)
	default:
		ap.findings.good(id, check, Asserted, seen)
	}
}
