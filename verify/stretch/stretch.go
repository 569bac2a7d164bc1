package stretch

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Source is what was sent, and the head it must lead to.
type Source struct {
	Chunks [][]byte // oldest first
	// Genesis documents, youngest first: of the head's chain, then of those before it.
	// Each must be named by the one before it in this list.
	Genesis [][]byte
	Trail   []attest.Digest // digests of the records behind the last chunk
	Head    telemetry.Head  // as quoted
}

// Entry is one record with the head it makes. Begin is its chain's genesis
// document, nil where only its digest is known.
type Entry struct {
	Head   telemetry.Head
	Record *telemetry.Record
	Begin  *telemetry.Genesis
}

// Stretch is records without gap in their numbers, oldest first, that hash to a quoted head.
type Stretch struct {
	Entries []Entry
	Before  telemetry.Head     // on which the first record stands
	Head    telemetry.Head     // as quoted
	Begin   *telemetry.Genesis // of the head's chain
}

// ErrNotQuoted says that records do not lead to the quoted head.
var ErrNotQuoted = errors.New("the records do not lead to the quoted head")

// Open returns the records of a source up to its head.
func Open(s Source) (*Stretch, error) {
	out := &Stretch{Head: s.Head}
	w, err := each(s, maxWeight, func(e Entry) error {
		out.Entries = append(out.Entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Begin, out.Before = w.chains[0].doc, w.before
	return out, nil
}

// Each calls yield for every record of a source up to its head. Nothing of what it
// gave may be believed before it returned without error.
func Each(s Source, yield func(Entry) error) error {
	_, err := each(s, maxPassed, yield)
	return err
}

func each(s Source, most int, yield func(Entry) error) (w *walk, err error) {
	w = &walk{Source: s, yield: yield, before: start(s.Head.Genesis), budget: budget{limit: most, gpus: map[string]bool{}}}
	if w.chains, err = lineage(s.Genesis); err != nil {
		return nil, err
	}
	if w.chains[0].head.Genesis != s.Head.Genesis {
		return nil, errors.New("telemetry: the genesis document is not the quoted chain's")
	}
	for i, c := range s.Chunks {
		if err := w.chunk(c); err != nil {
			return nil, fmt.Errorf("telemetry: chunk %d of %d: %w", i+1, len(s.Chunks), err)
		}
	}
	return w, w.finish()
}

// walk is the work in progress of Each.
type walk struct {
	Source
	yield  func(Entry) error
	before telemetry.Head  // on which the first record stands
	chains []chain         // youngest first
	at     *telemetry.Head // behind the last record; nil before the first chunk
	met    bool            // the quoted head was passed
	budget budget
}

func (w *walk) chunk(b []byte) error {
	c, err := telemetry.ParseChunk(b)
	if err != nil {
		return err
	}
	begin := c.Begin()
	switch {
	case w.at == nil:
		w.before = begin
	case w.at.Genesis == begin.Genesis && *w.at != begin:
		return fmt.Errorf("it begins at record %d, and not behind record %d: %w", c.First, w.at.Index, ErrNotQuoted)
	case w.at.Genesis != begin.Genesis:
		if err := w.follows(*w.at, begin.Genesis); err != nil {
			return err
		}
		if begin != start(begin.Genesis) {
			return fmt.Errorf("a chain that begins at record %d: %w", c.First, ErrNotQuoted)
		}
	}
	if err := w.budget.columns(c); err != nil {
		return err
	}
	records, heads, err := c.Verify()
	if err != nil {
		return err
	}
	doc := w.document(begin.Genesis)
	for i, r := range records {
		if err := w.budget.record(r); err != nil {
			return err
		}
		if w.met {
			break // whole minutes are sent; what is behind the quote is nothing
		}
		w.met = heads[i] == w.Head
		if err := w.yield(Entry{heads[i], r, doc}); err != nil {
			return err
		}
	}
	end := c.End()
	w.at = &end
	return nil
}

// finish ties the last record to the quoted head, over the trail where it lies before it.
func (w *walk) finish() error {
	if w.met {
		return nil
	}
	at := start(w.Head.Genesis)
	switch {
	case w.at == nil && w.Head.Index > 0 && len(w.Trail) == 0:
		return fmt.Errorf("telemetry: no records: %w", ErrNotQuoted)
	case w.at != nil && w.at.Genesis == w.Head.Genesis:
		at = *w.at
	case w.at != nil:
		if err := w.follows(*w.at, w.Head.Genesis); err != nil {
			return fmt.Errorf("telemetry: %w", err)
		}
	}
	if at.Follow(w.Trail) != w.Head {
		return fmt.Errorf("telemetry: up to record %d of the quoted chain: %w", at.Index+uint64(len(w.Trail)), ErrNotQuoted)
	}
	return nil
}
