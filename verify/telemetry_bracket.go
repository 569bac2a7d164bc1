package verify

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// What the demand telemetry_window takes for a window that covers the time between two answers.
const (
	maxGap         = stretch.MaxPause // ms: the largest gap
	maxInterval    = maxGap / 2       // ms: with sweeps further apart a single one that is late would be too large a gap
	maxGapsPercent = 5                // of the time, all gaps together
	rateSlack      = 1000             // parts of the time by which the node's clock may run at another rate than the validator's
)

// telemetryIDs may explain why telemetry_window is not met.
var telemetryIDs = []string{"telemetry.window_missing", "telemetry.chain", "telemetry.order", "telemetry.parallel", "telemetry.bracket", "telemetry.unbracketed", "telemetry.not_evaluable"}

// bracket is what two answers show of the time between them.
type bracket struct {
	first    *Beside
	hole     string // why the time is not covered, "" where it is
	gapped   bool   // hole is for gaps alone
	unmarked bool   // hole is that no record is marked with the first challenge
	clocks   bool   // hole is that the validator's clock and the node's disagree, as they do where the former was set back
	// Times since boot at which the claims of both were made, ms; only in one boot.
	from, to      uint64
	gaps, largest uint64 // ms
	records       int
}

func (c *chainState) bracketed() bool { return c.bracket != nil && c.bracket.hole == "" }

// brackets takes the earliest of the other records from which on everything is shown.
func (ap *Appraised) brackets() {
	a, s := ap.auth, ap.chain.shown
	if s == nil {
		return
	}
	const check = "telemetry between two answers"
	const want = "every record between the quotes, gaps of at most 10 s and 5 % together"
	if len(a.options.With) == 0 {
		ap.findings.unknown("telemetry.unbracketed", check, Asserted, "another record (--with)", "none")
		return
	}
	list := slices.Clone(a.options.With)
	slices.SortStableFunc(list, func(x, y *Beside) int {
		switch {
		case x.auth.record.Sent < y.auth.record.Sent:
			return -1
		case x.auth.record.Sent > y.auth.record.Sent:
			return 1
		}
		return 0
	})
	for _, first := range list {
		b := ap.between(first)
		if old := ap.chain.bracket; old == nil || old.hole != "" {
			ap.chain.bracket = b // the latest of those that do not hold is the one that was meant
		}
	}
	b := ap.chain.bracket
	if b.clocks {
		ap.findings.unknown("telemetry.bracket", check, Asserted, want, b.hole)
		return
	}
	if b.hole != "" {
		ap.findings.warn("telemetry.bracket", check, Asserted, want, b.hole+"; from "+stamp(b.first.auth.record.Received))
		return
	}
	ap.findings.good("telemetry.bracketed", check, Asserted, fmt.Sprintf("%d records over %d s, gaps of %.1f s, the largest of %.1f s",
		b.records, (b.to-b.from)/1000, float64(b.gaps)/1000, float64(b.largest)/1000))
}

// between judges the time from an earlier answer to this one.
func (ap *Appraised) between(first *Beside) *bracket {
	b := &bracket{first: first}
	q, was := ap.chain.quotedChain, first.chain
	switch {
	case first.auth.bound.UEID != ap.auth.bound.UEID:
		b.hole = "the other record is of another node"
	case was == nil:
		b.hole = "the other record states no telemetry"
	case first.auth.record.Received > ap.auth.record.Sent:
		b.hole, b.clocks = ap.notEarlier(first)
	case !ap.chain.ordered:
		b.hole = "the time since boot does not rise"
	case ap.chain.parallel:
		b.hole = "another chain was made at the same time: which one is shown is the node's choice"
	case was.begin().BootID != q.begin().BootID:
		b.hole = "the host was started anew between them"
	default:
		b.from, b.to = was.Now, q.Now
		b.hole = ap.covered(b)
	}
	return b
}

// notEarlier says why an answer is not before this one, and whether the node's own time
// since boot says that it is.
func (ap *Appraised) notEarlier(first *Beside) (hole string, disputed bool) {
	q, was := ap.chain.quotedChain, first.chain
	hole = fmt.Sprintf("the other record is not earlier: received at %s, this challenge was sent at %s", stamp(first.auth.record.Received), stamp(ap.auth.record.Sent))
	if was.begin().BootID == q.begin().BootID && was.Now < q.Now {
		return hole + fmt.Sprintf("; by time since boot it is, %d ms and %d ms: was the validator's clock set back?", was.Now, q.Now), true
	}
	return hole, false
}

// covered says what is missing, "" where nothing is.
func (ap *Appraised) covered(b *bracket) string {
	q, was := ap.chain.quotedChain, b.first.chain
	entries, hole := behind(ap.chain.shown, q, was)
	if hole != "" {
		return hole
	}
	if hole := ap.passed(b); hole != "" {
		return hole
	}
	if hole := slow(was.begin(), q.begin()); hole != "" {
		return hole
	}
	if hole := marked(ap.chain.shown, b); hole != "" {
		b.unmarked = true
		return hole
	}
	b.records = len(entries)
	last := was.Uptime
	step := func(at uint64, begin *telemetry.Genesis) {
		if at > last && at-last > stretch.Pause(begin.Interval) {
			b.gaps += at - last
			b.largest = max(b.largest, at-last)
		}
		last = max(last, at)
	}
	for i := range entries {
		begin := b.begin(&entries[i])
		if begin == nil || begin.BootID != q.begin().BootID { // its time since boot is another one: it covers nothing here
			return fmt.Sprintf("record %d of chain %s is of another boot", entries[i].Head.Index, entries[i].Head.Genesis.Short())
		}
		if hole := slow(begin); hole != "" {
			return hole
		}
		step(entries[i].Record.Uptime, begin)
	}
	step(q.Now, q.begin())
	switch {
	case b.largest > maxGap:
		b.gapped = true
		return fmt.Sprintf("%.1f s without a record", float64(b.largest)/1000)
	case 100*b.gaps > maxGapsPercent*(b.to-b.from):
		b.gapped = true
		return fmt.Sprintf("%.1f of %.1f s without records", float64(b.gaps)/1000, float64(b.to-b.from)/1000)
	}
	return ""
}

// slow says that sweeps are too far apart to bracket anything, "" where they are not.
func slow(chains ...*telemetry.Genesis) string {
	for _, g := range chains {
		if g.Interval > maxInterval {
			return fmt.Sprintf("the agent sweeps every %.1f s: sweeps more than %d s apart bracket nothing", float64(g.Interval)/1000, maxInterval/1000)
		}
	}
	return ""
}

// begin is the genesis document of a record's chain, from the claims of either answer:
// the second one's name eight ancestors, and the first one's chain may be older. Nil
// where neither has it.
func (b *bracket) begin(e *stretch.Entry) *telemetry.Genesis {
	if e.Begin != nil {
		return e.Begin
	}
	if i := slices.Index(b.first.chain.names, e.Head.Genesis); i >= 0 {
		return b.first.chain.genesis[i]
	}
	return nil
}

// passed holds the time that passed on the node against the validator's: records a
// second apart by a clock that stands still most of the time would show no gap.
func (ap *Appraised) passed(b *bracket) string {
	is, was := &ap.auth.record, &b.first.auth.record
	least, most := is.Sent-was.Received, is.Received-was.Sent
	slack := maxGap + most/rateSlack
	if b.to < b.from || b.to-b.from+slack < least || b.to-b.from > most+slack {
		b.clocks = b.to >= b.from && b.to-b.from > most+slack // a node gains nothing by time that nobody else saw pass
		return fmt.Sprintf("%d ms passed since boot, %d to %d ms by the validator's clock, %s to %s", int64(b.to-b.from), least, most, stamp(was.Received), stamp(is.Sent))
	}
	return ""
}

// marked looks for the first challenge's batch in the records: what stands behind it was
// made after that challenge existed, and not the night before. An agent marks the record
// behind the head that it quotes, so it is the second answer's window that shows it.
func marked(s *stretch.Stretch, b *bracket) string {
	for i := range s.Entries {
		r := s.Entries[i].Record
		if r.Uptime <= b.from+maxGap && slices.Contains(r.Marks, b.first.auth.bound.Root) {
			return ""
		}
	}
	return "no record within 10 s is marked with the earlier challenge: they may have been made before it"
}
