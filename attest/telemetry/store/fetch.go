package store

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Chunks returns chunks of a chain as they are on disk, without gap: from the one
// that holds record first, or the oldest kept, on; at most so many bytes, but one
// chunk at least where there is one. Nothing is verified: the reader does that.
func (s *Store) Chunks(genesis attest.Digest, first uint64, most int) (out [][]byte, err error) {
	c, list := s.listed(genesis)
	if c == nil {
		return nil, nil
	}
	at, ok := slices.BinarySearchFunc(list, first, func(x stored, first uint64) int { return int(int64(x.first) - int64(first)) })
	if !ok && at > 0 {
		at--
	}
	next, total := uint64(0), 0
	for _, x := range list[at:] {
		b, err := readFile(filepath.Join(s.dir, c.name, fileName(x.first, ".chunk")), telemetry.MaxChunk)
		if err != nil {
			return out, fmt.Errorf("telemetry store: %w", err)
		}
		chunk, err := telemetry.ParseChunk(b)
		if err != nil {
			return out, fmt.Errorf("telemetry store: %s: %w", fileName(x.first, ".chunk"), err)
		}
		if chunk.Genesis != genesis || chunk.First != x.first || next != 0 && chunk.First != next {
			return out, nil // a gap: a chunk that could not be written
		}
		if total += len(b); total > most && len(out) > 0 {
			return out, nil
		}
		next = chunk.End().Index + 1
		if next > first {
			out = append(out, b)
		}
	}
	return out, nil
}

// listed is a chain and its chunks, nil for one that is not kept.
func (s *Store) listed(genesis attest.Digest) (*chain, []stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chains {
		if c.genesis == genesis {
			return c, slices.Clone(c.chunks)
		}
	}
	return nil, nil
}

// Kept is how much of a chain is on disk: its first record, 0 for none.
func (s *Store) Kept(genesis attest.Digest) (from uint64) {
	if _, list := s.listed(genesis); len(list) > 0 {
		return list[0].first
	}
	return 0
}

// Newest is the first record of a chain's last chunk, 0 for none.
func (s *Store) Newest(genesis attest.Digest) uint64 {
	if _, list := s.listed(genesis); len(list) > 0 {
		return list[len(list)-1].first
	}
	return 0
}

// Documents returns genesis documents: of that chain, then of those it names, as far as they are kept, at most n.
func (s *Store) Documents(genesis attest.Digest, n int) (docs [][]byte) {
	for len(docs) < n {
		c, _ := s.listed(genesis)
		if c == nil {
			return docs
		}
		docs = append(docs, c.doc)
		if c.previous == (attest.Digest{}) {
			return docs
		}
		genesis = c.previous
	}
	return docs
}

// Successor is the chain that names genesis as the one before it.
func (s *Store) Successor(genesis attest.Digest) (attest.Digest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.chains {
		if c.previous == genesis && genesis != (attest.Digest{}) {
			return c.genesis, true
		}
	}
	return attest.Digest{}, false
}

// Anchors reads the anchors of a chain between two records, at most n. One that
// cannot be read is left out.
func (s *Store) Anchors(genesis attest.Digest, from, to uint64, n int) (out []telemetry.Anchor) {
	s.mu.Lock()
	var name string
	var list []uint64
	for _, c := range s.chains {
		if c.genesis == genesis {
			name, list = c.name, slices.Clone(c.anchors)
		}
	}
	s.mu.Unlock()
	for _, index := range list {
		if index < from || index > to || len(out) == n {
			continue
		}
		b, err := readFile(filepath.Join(s.dir, name, fileName(index, ".anchor")), telemetry.MaxAnchor)
		if err != nil {
			continue
		}
		if a, err := telemetry.ParseAnchor(b); err == nil && a.Head.Genesis == genesis && a.Head.Index == index {
			out = append(out, *a)
		}
	}
	return out
}
