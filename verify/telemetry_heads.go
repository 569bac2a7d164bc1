package verify

import (
	"crypto/sha256"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// sighting is where the node's telemetry stood in other evidence, of a record beside this one or of a verdict.
type sighting struct {
	attest.VerdictTelemetry
	sent, received uint64
	clock          *attest.VerdictClock // of its quote, nil without one
	what           string
}

// sightings are those of the same node, without this record itself. Verdicts from before its enrolment do not count.
func (ap *Appraised) sightings() (out []sighting) {
	a := ap.auth
	self := attest.Digest(sha256.Sum256(a.raw))
	for _, b := range a.options.With {
		if b.chain != nil && b.auth.bound.UEID == a.bound.UEID && sha256.Sum256(b.auth.raw) != self {
			out = append(out, sighting{b.chain.sighted(), b.auth.record.Sent, b.auth.record.Received, b.auth.clock(), "the record of " + stamp(b.auth.record.Received)})
		}
	}
	if h := a.options.History; h != nil {
		for _, v := range h.Verdicts {
			enrolled := a.node == nil || v.Sent >= a.node.Enrolled && a.record.Sent >= a.node.Enrolled
			if v.Telemetry != nil && v.UEID == a.bound.UEID && v.Record != self && enrolled {
				out = append(out, sighting{*v.Telemetry, v.Sent, v.Received, v.Clock, "the verdict of " + stamp(v.Received)})
			}
		}
	}
	return out
}

// statements are heads that the node is bound to: each hash at one record of one chain may be stated once.
type statements map[attest.ChainPoint]statement

type statement struct {
	hash attest.Digest
	by   string
}

// add reports what contradicts a head, "" for nothing.
func (st statements) add(h telemetry.Head, by string) string {
	at := attest.ChainPoint{Genesis: h.Genesis, Index: h.Index}
	was, known := st[at]
	if !known {
		st[at] = statement{h.Hash, by}
		return ""
	}
	if was.hash == h.Hash {
		return ""
	}
	return fmt.Sprintf("record %d of %s: %s by %s, %s by %s", h.Index, h.Genesis.Short(), was.hash.Short(), was.by, h.Hash.Short(), by)
}

// evidence adds all that one piece of evidence binds its node to.
func (st statements) evidence(q *quotedChain, s *stretch.Stretch, by string) string {
	if seen := st.add(q.head, "the quote of "+by); seen != "" {
		return seen
	}
	for _, g := range q.genesis {
		if g.Previous != nil {
			if seen := st.add(*g.Previous, "a genesis document in "+by); seen != "" {
				return seen
			}
		}
	}
	if s != nil {
		for i := range s.Entries {
			if seen := st.add(s.Entries[i].Head, "the window of "+by); seen != "" {
				return seen
			}
		}
	}
	return ""
}

// forks looks for two hashes at one record of one chain, which no honest agent makes:
// each start of it begins a new chain.
func (ap *Appraised) forks(others []sighting) {
	st := statements{}
	seen := st.evidence(ap.chain.quotedChain, ap.chain.shown, "this record")
	for _, b := range ap.auth.options.With {
		if seen == "" && b.chain != nil && b.auth.bound.UEID == ap.auth.bound.UEID {
			seen = st.evidence(b.chain, b.shown, "the record of "+stamp(b.auth.record.Received))
		}
	}
	for _, s := range others {
		if seen == "" {
			seen = st.add(headOf(&s.VerdictTelemetry), s.what)
		}
	}
	if seen != "" {
		ap.findings.bad("telemetry.fork", "two heads at one record", Asserted, "one hash", seen)
	}
}

// chainHistory holds the chain against where it stood in other evidence.
func (ap *Appraised) chainHistory() {
	if ap.chain.quotedChain == nil {
		return
	}
	others := ap.sightings()
	ap.forks(others)
	for _, id := range standOrder {
		for _, s := range others {
			if what, seen := ap.stand(&s); what == id {
				ap.sayStand(id, seen, s.what)
				break // once, for the first that shows it
			}
		}
	}
}
