package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// chainState is what the appraisal knows of the node's telemetry.
type chainState struct {
	*quotedChain                    // nil: none stated
	shown        *stretch.Stretch   // the window that hashes to the quoted head; nil without one
	ordered      bool               // its times since boot rise
	parallel     bool               // another chain was made at the same time
	bracket      *bracket           // the best of those that --with makes; nil without any
	checks       []stretch.Check    // of the window that was shown
	did          []stretch.Activity // the same
}

// window opens the records that were sent beside the evidence. Nothing signs them, and the
// network may have changed or taken them: what does not fit accuses nobody.
func (ap *Appraised) window() {
	asked, sent := ap.auth.challenge.Window, ap.auth.window
	const check = "telemetry window"
	q := ap.chain.quotedChain
	switch {
	case asked == nil:
		return
	case q == nil:
		ap.findings.warn("telemetry.window_missing", check, Asserted, wanted(asked), "no telemetry is stated")
		return
	case sent == nil:
		ap.findings.warn("telemetry.window_missing", check, Asserted, wanted(asked), "none")
		return
	case sent.Absent != nil:
		ap.findings.warn("telemetry.window_missing", check, Asserted, wanted(asked), string(sent.Absent.Reason)+": "+sent.Absent.Detail)
		return
	}
	s, err := stretch.Open(stretch.Source{Chunks: sent.Chunks, Genesis: q.documents(), Head: q.head})
	if err != nil {
		ap.findings.warn("telemetry.chain", check, Asserted, fmt.Sprintf("records that lead to the quoted head, record %d", q.head.Index), err)
		return
	}
	ap.chain.shown = s
	ap.chain.checks, ap.chain.did = s.Measure()
	ap.judgeWindow(s)
}

// judgeWindow says what the records show of themselves.
func (ap *Appraised) judgeWindow(s *stretch.Stretch) {
	q := ap.chain.quotedChain
	if n := len(s.Entries); n > 0 && s.Entries[n-1].Head == q.head {
		// The head and its times stand in the same claims, made by one process in one moment.
		if r := s.Entries[n-1].Record; r.At != q.At || r.Uptime != q.Uptime {
			ap.findings.bad("telemetry.head", "times of the quoted record", Asserted, fmt.Sprintf("%d and %d ms, as in the record", r.At, r.Uptime), fmt.Sprintf("%d and %d ms", q.At, q.Uptime))
		}
	}
	if e := s.Backwards(); e != nil {
		ap.findings.warn("telemetry.order", "time since boot", Asserted, "rises with each record", fmt.Sprintf("not at record %d", e.Head.Index))
	} else {
		ap.chain.ordered = true
	}
	if gaps := s.Gaps(); gaps.All > 0 {
		ap.findings.warn("telemetry.gap", "time without records", Asserted, "none", describeGaps(gaps))
	}
	ap.findings.good("telemetry.shown", "telemetry window", Asserted, describe(s))
}

func wanted(w *attest.WindowRequest) string {
	if w.Since != nil {
		return fmt.Sprintf("all records behind record %d of %s", w.Since.Index, w.Since.Genesis.Short())
	}
	return fmt.Sprintf("the %d s before the quote", w.Seconds)
}

func describe(s *stretch.Stretch) string {
	if len(s.Entries) == 0 {
		return "no record yet"
	}
	first, last := s.Entries[0], s.Entries[len(s.Entries)-1]
	return fmt.Sprintf("%d records, %d to %d, %s to %s", len(s.Entries), first.Head.Index, last.Head.Index, stamp(first.Record.At), stamp(last.Record.At))
}

// describeGaps names the sum, the largest and what the node says of it.
func describeGaps(g *stretch.Gaps) string {
	worst := &g.Worst
	out := fmt.Sprintf("%.1f s in %d gaps, the largest of %.1f s at %s", float64(g.Millis)/1000, g.All, float64(worst.Millis)/1000, stamp(worst.AtMS))
	if g.Boots > 0 {
		out += fmt.Sprintf("; %d by the node's clock, over a start of the host", g.Boots)
	}
	if worst.OtherChain && !worst.OtherBoot {
		out += "; the agent was started anew"
	}
	for _, f := range worst.Explanation {
		out += fmt.Sprintf("; %s %d %s", f.Name, f.Value, f.Text)
	}
	return out
}

// verdict is what the next comparison needs, nil without telemetry.
func (c *chainState) verdict() *attest.VerdictTelemetry {
	if c.quotedChain == nil {
		return nil
	}
	v := c.sighted()
	return &v
}

func (q *quotedChain) sighted() attest.VerdictTelemetry {
	g := q.begin()
	return attest.VerdictTelemetry{Genesis: q.head.Genesis, BootID: g.BootID, Began: g.Uptime, Ordinal: g.Ordinal, Index: q.head.Index, Hash: q.head.Hash,
		Uptime: q.Uptime, Now: q.Now, StoredTo: q.StoredTo}
}

func headOf(v *attest.VerdictTelemetry) telemetry.Head {
	return telemetry.Head{Genesis: v.Genesis, Index: v.Index, Hash: v.Hash}
}
