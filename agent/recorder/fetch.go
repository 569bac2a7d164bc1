package recorder

import (
	"context"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/telemetry/store"
)

// Cursor is where fetching goes on.
type Cursor struct {
	Genesis attest.Digest `cbor:"genesis"`
	First   uint64        `cbor:"first"`
}

// Since is the cursor of the last seconds of this chain, as far as memory reaches. Its
// first chunk may begin a minute earlier.
func (r *Recorder) Since(seconds uint32) (Cursor, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.doc == nil || r.head.Index == 0 {
		return Cursor{}, notYet()
	}
	for _, c := range r.recent {
		if c.uptime+uint64(seconds)*1000 >= r.uptime {
			return Cursor{r.head.Genesis, c.first}, nil
		}
	}
	return Cursor{r.head.Genesis, r.before.Index + 1}, nil
}

func notYet() error {
	return &attest.AbsentError{Absence: attest.Absent(attest.WindowAbsent, attest.NotYet, "the chain has no record yet")}
}

func notKept(format string, args ...any) error {
	return &attest.AbsentError{Absence: attest.Absent(attest.WindowAbsent, attest.NotPresent, format, args...)}
}

// Chunks returns chunks from a cursor on, without gap, at most so many bytes but one
// chunk at least, and where to go on: nil behind the newest record. The chain that is
// recorded follows the ones before it. An *attest.AbsentError says what is not kept.
func (r *Recorder) Chunks(_ context.Context, at Cursor, most int) (chunks [][]byte, next *Cursor, err error) {
	r.mu.Lock()
	current, began := r.head.Genesis, r.doc != nil
	r.mu.Unlock()
	if !began {
		return nil, nil, notYet()
	}
	if at.Genesis == current {
		if chunks, next, ok := r.fromMemory(at, most); ok {
			return chunks, next, nil
		}
	}
	s := r.disk.store()
	if s == nil {
		return nil, nil, notKept("record %d is no longer in memory, and this chain is not on disk", at.First)
	}
	chunks, err = s.Chunks(at.Genesis, at.First, most)
	if err != nil && len(chunks) == 0 {
		return nil, nil, err
	}
	if len(chunks) == 0 {
		next, err = follow(at, current, s)
		return nil, next, err
	}
	first, end, err := span(chunks)
	if err != nil {
		return nil, nil, err
	}
	if first > at.First {
		return nil, nil, notKept("records before %d are no longer kept", first)
	}
	return chunks, &Cursor{at.Genesis, end + 1}, nil
}

// OrOldest is the cursor, or the oldest record kept of its chain where that is younger:
// who asks for a day and gets the twelve hours that are kept has more than a refusal. A
// window must not do so, since what it leaves out would look like a hole.
func (r *Recorder) OrOldest(at Cursor) Cursor {
	r.mu.Lock()
	oldest := uint64(0) // in memory
	if r.doc != nil && at.Genesis == r.head.Genesis {
		oldest = r.before.Index + 1
		if len(r.recent) > 0 {
			oldest = r.recent[0].first
		}
	}
	r.mu.Unlock()
	if s := r.disk.store(); s != nil {
		if kept := s.Kept(at.Genesis); kept != 0 && (oldest == 0 || kept < oldest) {
			oldest = kept
		}
	}
	at.First = max(at.First, oldest)
	return at
}

// follow goes on to the chain that names this one as the one before it, where this one is at its end.
func follow(at Cursor, current attest.Digest, s *store.Store) (*Cursor, error) {
	if at.Genesis == current || s.Newest(at.Genesis) >= at.First { // a hole: the chain goes on behind it
		return nil, notKept("records from %d on were not stored, and are no longer in memory", at.First)
	}
	after, ok := s.Successor(at.Genesis)
	if !ok {
		return nil, notKept("the chain %s is not kept here", at.Genesis.Short())
	}
	return &Cursor{after, 1}, nil
}

// span is the first and last index of chunks that follow one another.
func span(chunks [][]byte) (first, last uint64, err error) {
	for i, b := range chunks {
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 {
			first = c.First
		}
		last = c.End().Index
	}
	return first, last, nil
}

// fromMemory serves the chain that is recorded; ok is false where memory does not reach.
func (r *Recorder) fromMemory(at Cursor, most int) (chunks [][]byte, next *Cursor, ok bool) {
	r.mu.Lock()
	recent, open, before, last := slices.Clone(r.recent), r.open, r.before, r.head
	r.mu.Unlock()
	oldest := before.Index + 1
	if len(recent) > 0 {
		oldest = recent[0].first
	}
	if at.First < oldest {
		return nil, nil, false
	}
	total := 0
	for _, c := range recent {
		if c.last < at.First {
			continue
		}
		if c.first > at.First && len(chunks) == 0 {
			return nil, nil, false // one that was given up: a gap
		}
		if total += len(c.bytes); total > most && len(chunks) > 0 {
			return chunks, &Cursor{at.Genesis, c.first}, true
		}
		chunks = append(chunks, c.bytes)
		at.First = c.last + 1
	}
	if len(open) == 0 || at.First > last.Index {
		return chunks, nil, true
	}
	b, err := r.pack(before, open)
	if err != nil {
		return chunks, nil, true // they will be given up when the minute is over
	}
	if total += len(b); total > most && len(chunks) > 0 {
		return chunks, &Cursor{at.Genesis, before.Index + 1}, true
	}
	return append(chunks, b), nil, true
}

// Trail is the digests of the records from one to another, at most telemetry.MaxTrail.
func (r *Recorder) Trail(ctx context.Context, genesis attest.Digest, from, to uint64) ([]attest.Digest, error) {
	if to < from || to-from >= telemetry.MaxTrail {
		return nil, fmt.Errorf("the way from record %d to %d is over %d steps: ask for chunks up to a later record", from, to, telemetry.MaxTrail)
	}
	var out []attest.Digest
	for at := (&Cursor{genesis, from}); at != nil && at.Genesis == genesis && at.First <= to; {
		chunks, next, err := r.Chunks(ctx, *at, 1)
		if err != nil {
			return nil, err
		}
		for _, b := range chunks {
			if out, err = digests(out, b, from, to); err != nil {
				return nil, err
			}
		}
		at = next
	}
	if uint64(len(out)) != to-from+1 {
		return nil, notKept("records up to %d are not kept", to)
	}
	return out, nil
}

func digests(out []attest.Digest, chunk []byte, from, to uint64) ([]attest.Digest, error) {
	c, err := telemetry.ParseChunk(chunk)
	if err != nil {
		return nil, err
	}
	list, _, err := c.Verify()
	if err != nil {
		return nil, err
	}
	for i, rec := range list {
		if at := c.First + uint64(i); at >= from && at <= to {
			d, err := rec.Digest()
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// Documents are the genesis documents of a chain and those before it, and its anchors in a stretch.
func (r *Recorder) Documents(genesis attest.Digest, from, to uint64) (docs [][]byte, anchors []telemetry.Anchor) {
	if s := r.disk.store(); s != nil {
		docs, anchors = s.Documents(genesis, MaxDocuments), s.Anchors(genesis, from, to, telemetry.MaxAnchors)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(docs) == 0 && r.doc != nil && genesis == r.head.Genesis {
		docs = [][]byte{r.doc}
	}
	return docs, anchors
}

// MaxDocuments is how many genesis documents one history carries.
const MaxDocuments = 64
