package verify

import (
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// behind returns the records after the earlier quoted head, or says that they are not all there.
func behind(s *stretch.Stretch, q, was *quotedChain) ([]stretch.Entry, string) {
	h := was.head
	if i := slices.IndexFunc(s.Entries, func(e stretch.Entry) bool { return e.Head.Genesis == h.Genesis && e.Head.Index > h.Index }); i >= 0 {
		before := s.Before
		if i > 0 {
			before = s.Entries[i-1].Head
		}
		if before != h {
			return nil, fmt.Sprintf("the records begin behind record %d, the earlier answer stood at record %d", before.Index, h.Index)
		}
		return s.Entries[i:], ""
	}
	if h == q.head {
		return nil, ""
	}
	// The earlier chain ended there, or before: what was behind went with the agent. The next ones must be shown from their first record.
	rest := s.Entries
	for i := range s.Entries {
		if s.Entries[i].Head.Genesis == h.Genesis {
			rest = s.Entries[i+1:]
		}
	}
	next, first := q.head, uint64(0)
	if len(rest) > 0 {
		next, first = rest[0].Head, 1
	}
	if next.Index != first || !q.leads(next, h) {
		return nil, fmt.Sprintf("the records do not follow record %d of chain %s", h.Index, h.Genesis.Short())
	}
	return rest, ""
}

// leads reports whether the chain of next begins behind h's, which then ended at h or
// before it. Chains without a record between them are passed over.
func (q *quotedChain) leads(next, h telemetry.Head) bool {
	for i, name := range q.names {
		if name != next.Genesis || q.genesis[i].Previous == nil {
			continue
		}
		p := q.genesis[i].Previous
		if p.Genesis == h.Genesis {
			return p.Index <= h.Index
		}
		if p.Index > 0 {
			return false
		}
		next = *p
	}
	return false
}
