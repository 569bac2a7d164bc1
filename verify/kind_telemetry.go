package verify

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// quotedChain is what one piece of authenticated evidence fixes of a chain.
type quotedChain struct {
	*telemetry.Claims
	head    telemetry.Head
	names   []attest.Digest      // of the chain, then of its ancestors: h_0 of each
	genesis []*telemetry.Genesis // their documents
}

// chainOf reads the telemetry claims of evidence; nil where it states none.
func chainOf(a *Authenticated) (*quotedChain, error) {
	body, stated := a.bound.Submods[attest.KindTelemetry]
	if !stated {
		return nil, nil
	}
	c, err := telemetry.Parse(body)
	if err != nil {
		return nil, err
	}
	q := &quotedChain{Claims: c, head: c.Head()}
	for _, doc := range q.documents() {
		g, err := telemetry.ParseGenesis(doc)
		if err != nil {
			return nil, err
		}
		q.names, q.genesis = append(q.names, telemetry.Start(doc).Genesis), append(q.genesis, g)
	}
	return q, nil
}

// documents are the genesis documents, youngest first.
func (q *quotedChain) documents() [][]byte { return append([][]byte{q.Genesis}, q.Ancestors...) }

// begin is the genesis document of the quoted chain.
func (q *quotedChain) begin() *telemetry.Genesis { return q.genesis[0] }

// staleIntervals is after how many intervals without a record a collector no longer measures. A sweep
// with a GPU that hangs takes seconds until its probe is killed: nothing under staleLeast is worth a word.
const (
	staleIntervals = 5
	staleLeast     = 10_000 // ms
)

// telemetry reads the claims. They are the owner's word; what a quote adds is that they cannot be another word later.
func (ap *Appraised) telemetry(_ *References, _ []byte) (uint64, error) {
	q, err := chainOf(ap.auth)
	if err != nil {
		return 0, err
	}
	ap.chain.quotedChain = q
	// A TPM that was cleared while the agent runs gives a new name to a chain of the old one: no accusation.
	if u := q.begin().UEID; u != (attest.UEID{}) && u != ap.auth.bound.UEID {
		ap.findings.warn("telemetry.foreign", "genesis of the chain", Asserted, ap.auth.bound.UEID, u)
	}
	if old := q.Now - q.Uptime; old > max(staleIntervals*q.begin().Interval, staleLeast) {
		ap.findings.warn("telemetry.stale", "age of the quoted record", Asserted,
			fmt.Sprintf("at most %d ms", max(staleIntervals*q.begin().Interval, staleLeast)), fmt.Sprintf("%d ms", old))
	}
	return q.At, nil
}

// sameBoot holds the chain's boot against the one that the agent's replayed runtime log names.
func (ap *Appraised) sameBoot() {
	if q := ap.chain.quotedChain; q != nil && ap.bootID != nil && q.begin().BootID != *ap.bootID {
		ap.findings.warn("telemetry.boot", "boot of the chain", Asserted, fmt.Sprintf("%x, as in the runtime log", *ap.bootID), fmt.Sprintf("%x", q.begin().BootID))
	}
}
