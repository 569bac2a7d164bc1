package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify/rules"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// telemetryInput is the window that was shown, with what package stretch computes of it.
func (ap *Appraised) telemetryInput() (*rules.Telemetry, string) {
	s, q := ap.chain.shown, ap.chain.quotedChain
	switch {
	case q == nil:
		return nil, ap.why(attest.KindTelemetry)
	case s == nil || len(s.Entries) == 0:
		return nil, "no window was asked for or shown: challenge with --window or --since"
	}
	t := &rules.Telemetry{From: ap.source(attest.KindTelemetry), Checks: ap.chain.checks, Activity: ap.chain.did}
	t.FromMS, t.ToMS = ap.shownTimes()
	t.SpanSeconds = float64(span(s)) / 1000
	t.Coverage, t.Why = ap.coverage()
	return t, ""
}

// span is the time since boot from the first record to the last, ms.
func span(s *stretch.Stretch) uint64 {
	first, last := s.Entries[0].Record.Uptime, s.Entries[len(s.Entries)-1].Record.Uptime
	return last - min(first, last)
}

// shownTimes are the times, by the validator's clock, within which the shown records surely lie one after the other
// with gaps of a twentieth at most: zero where there are more, or where they are of several boots. The claims were made, at q.Now since boot, between sending and receiving.
func (ap *Appraised) shownTimes() (from, to uint64) {
	s, q, r := ap.chain.shown, ap.chain.quotedChain, &ap.auth.record
	first, last := &s.Entries[0], &s.Entries[len(s.Entries)-1]
	if first.Begin == nil || first.Begin.BootID != q.begin().BootID || !ap.chain.ordered || ap.chain.parallel ||
		s.Covered() < span(s)-span(s)/20 || last.Record.Uptime > q.Now {
		return 0, 0
	}
	began, ended := q.Now-first.Record.Uptime, q.Now-last.Record.Uptime
	return r.Received - min(began, r.Received), r.Sent - min(ended, r.Sent)
}

const aroundChallenge = 5_000 // ms

// coverage is what rule C2 judges: what lies around a challenge is only known with the next answer. Nil with the reason where it is not known.
func (ap *Appraised) coverage() (*rules.Coverage, string) {
	b, q := ap.chain.bracket, ap.chain.quotedChain
	if b == nil || b.first.chain == nil || b.first.auth.record.Received > ap.auth.record.Sent || b.first.chain.begin().BootID != q.begin().BootID {
		return nil, "no second answer in this boot brackets the first challenge"
	}
	if b.hole != "" && !b.gapped && !b.unmarked { // its times, or what is shown between them, are not those of this time
		return nil, clip("the two answers do not bracket the time between them: " + b.hole)
	}
	was, rec := b.first.chain, &b.first.auth.record
	reach := rec.Received - rec.Sent + aroundChallenge // the claims were made somewhere in between
	from, to := was.Now-min(was.Now, reach), was.Now+reach
	if q.Now < to {
		return nil, "the second answer came too soon to tell"
	}
	shown := *ap.chain.shown
	if w := b.first.shown; w != nil {
		shown.Entries = joined(w.Entries, shown.Entries)
	}
	if len(shown.Entries) == 0 || shown.Entries[0].Record.Uptime > from+stretch.Pause(was.begin().Interval) {
		return nil, "nothing before the first challenge is shown: the rule needs --window with the first answer"
	}
	c := shown.Cover(was.begin().BootID, from, to)
	out := &rules.Coverage{Percent: c.Percent(), LargestMS: c.LargestMS, AllowedMS: maxGap, Of: "challenge of " + stamp(rec.Sent)}
	// Without a mark records may be of an earlier time: they show no coverage. That some are missing they show all the same, as where an agent was
	// stopped before it could mark any.
	if b.unmarked && out.Percent >= 95 && out.LargestMS <= maxGap {
		return nil, clip("the two answers do not bracket the time between them: " + b.hole)
	}
	return out, ""
}

// energyFalls says which counters fell without their driver.
func (ap *Appraised) energyFalls(t *rules.Telemetry) {
	if t == nil {
		return
	}
	for _, k := range t.Checks {
		if k.What == stretch.Rises && k.Value != nil && *k.Value > 0 {
			ap.findings.warn("telemetry.energy", "energy counter of GPU "+k.GPU, Asserted, "rises", fmt.Sprintf("%.0f falls without a driver that was loaded anew", *k.Value))
		}
	}
}

// joined puts the records of an earlier window before those of a later one, where they are of other numbers.
func joined(early, late []stretch.Entry) []stretch.Entry {
	if len(early) == 0 || len(late) == 0 {
		return append(early[:len(early):len(early)], late...)
	}
	if f := late[0].Head; f.Genesis == early[0].Head.Genesis && f.Index <= early[0].Head.Index {
		return late
	}
	for i := range early {
		if early[i].Head == late[0].Head {
			return append(early[:i:i], late...)
		}
	}
	return append(early[:len(early):len(early)], late...)
}
