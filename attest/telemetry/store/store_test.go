package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/telemetry/store"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

func open(t testing.TB, dir string, ueid attest.UEID) (*store.Store, *store.Found) {
	t.Helper()
	s, found, err := store.Open(dir, ueid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, found
}

func genesis(t testing.TB, g telemetry.Genesis) []byte {
	t.Helper()
	g.Random, g.Interval, g.Version = attest.Digest{1, byte(g.Ordinal)}, 1000, "test"
	if g.Previous == nil {
		g.Why = "first"
	}
	doc, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// fill puts n chunks of three records and returns the end.
func fill(t testing.TB, s *store.Store, at telemetry.Head, n int) telemetry.Head {
	t.Helper()
	h := sweeps.New(1, 1, uint64(at.Index)+1)
	for range n {
		c, err := telemetry.NewChunk(at, []*telemetry.Record{h.Next(1), h.Next(2), h.Next(3)})
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put(c.First, b); err != nil {
			t.Fatal(err)
		}
		at = c.End()
	}
	return at
}

func begun(t testing.TB, dir string, chunks int) (doc []byte, end telemetry.Head) {
	t.Helper()
	s, _ := open(t, dir, attest.UEID{})
	doc = genesis(t, telemetry.Genesis{})
	if err := s.Begin(doc); err != nil {
		t.Fatal(err)
	}
	end = fill(t, s, telemetry.Start(doc), chunks)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return doc, end
}

func TestStoreRemembers(t *testing.T) {
	dir := t.TempDir()
	doc, end := begun(t, dir, 5)
	s, found := open(t, dir, attest.UEID{})
	if found.Previous == nil || *found.Previous != end || found.Ordinal != 0 || len(found.Cut)+len(found.Skipped) != 0 {
		t.Fatalf("%+v", found)
	}
	for first, want := range map[uint64]int{1: 5, 3: 5, 4: 4, 15: 1, 16: 0} {
		chunks, err := s.Chunks(end.Genesis, first, 1<<20)
		if err != nil || len(chunks) != want {
			t.Errorf("from %d: %d chunks, want %d, %v", first, len(chunks), want, err)
		}
	}
	if chunks, _ := s.Chunks(end.Genesis, 1, 1); len(chunks) != 1 {
		t.Errorf("%d chunks in one byte", len(chunks))
	}
	if docs := s.Documents(end.Genesis, 9); len(docs) != 1 || !bytes.Equal(docs[0], doc) {
		t.Errorf("%d documents", len(docs))
	}
}

// TestDamagedEndIsCut: whatever a crash, or somebody, makes of the newest chunks.
func TestDamagedEndIsCut(t *testing.T) {
	damage := map[string]func(b []byte) []byte{
		"empty":     func([]byte) []byte { return nil },
		"half":      func(b []byte) []byte { return b[:len(b)/2] },
		"zeros":     func(b []byte) []byte { return make([]byte, len(b)) },
		"a bit":     func(b []byte) []byte { b[len(b)-9] ^= 4; return b },
		"one more":  func(b []byte) []byte { return append(b, 0) },
		"too large": func([]byte) []byte { return make([]byte, telemetry.MaxChunk+1) },
	}
	for name, f := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, end := begun(t, dir, 4)
			files, _ := filepath.Glob(filepath.Join(dir, "*", "*.chunk"))
			for _, path := range files[2:] {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, f(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(files[0]+".new", []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			s, found := open(t, dir, attest.UEID{})
			if found.Previous == nil || found.Previous.Index != 6 || len(found.Cut) != 2 {
				t.Fatalf("%+v", found)
			}
			chunks, err := s.Chunks(end.Genesis, 1, 1<<20)
			if err != nil || len(chunks) != 2 {
				t.Errorf("%d chunks, %v", len(chunks), err)
			}
			if _, err := os.Stat(files[0] + ".new"); err == nil {
				t.Error("what was half written is still there")
			}
		})
	}
}

func TestFolderOfAnotherNodeIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, attest.UEID{1, 1})
	if err := s.Begin(genesis(t, telemetry.Genesis{UEID: attest.UEID{1, 1}})); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, found := open(t, dir, attest.UEID{1, 2}); found.Previous != nil || len(found.Skipped) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestFolderThatACrashLeftEmptyIsRemoved(t *testing.T) {
	dir := t.TempDir()
	_, end := begun(t, dir, 1)
	empty := filepath.Join(dir, "00000001-0000000000000000")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(empty, "genesis.new"), []byte("ha"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, found := open(t, dir, attest.UEID{})
	if _, err := os.Stat(empty); err == nil || len(found.Skipped) != 0 || *found.Previous != end {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestFolderIsLocked(t *testing.T) {
	dir := t.TempDir()
	s, _ := open(t, dir, attest.UEID{})
	if _, _, err := store.Open(dir, attest.UEID{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second opening: %v", err)
	}
	s.Close()
	open(t, dir, attest.UEID{})
}

func TestSuccessorIsFound(t *testing.T) {
	dir := t.TempDir()
	_, end := begun(t, dir, 1)
	s, found := open(t, dir, attest.UEID{})
	doc := genesis(t, telemetry.Genesis{Ordinal: 1, Previous: found.Previous})
	if err := s.Begin(doc); err != nil {
		t.Fatal(err)
	}
	if got, ok := s.Successor(end.Genesis); !ok || got != telemetry.Start(doc).Genesis {
		t.Errorf("%v %v", got, ok)
	}
	if docs := s.Documents(telemetry.Start(doc).Genesis, 9); len(docs) != 2 {
		t.Errorf("%d documents", len(docs))
	}
	for _, name := range []attest.Digest{telemetry.Start(doc).Genesis, {}} { // the last one, and what those without one before them seem to name
		if got, ok := s.Successor(name); ok {
			t.Errorf("%v follows %v", got, name)
		}
	}
	s.Close()
	s, _ = open(t, dir, attest.UEID{})
	if got, ok := s.Successor(end.Genesis); !ok || got != telemetry.Start(doc).Genesis {
		t.Errorf("after a restart: %v %v", got, ok)
	}
	if n := testing.AllocsPerRun(10, func() { s.Successor(end.Genesis) }); n != 0 {
		t.Errorf("documents are read again: %v allocations", n)
	}
}

func TestRetention(t *testing.T) {
	now := time.Now()
	files := func(dir string) int {
		list, _ := filepath.Glob(filepath.Join(dir, "*", "*.chunk"))
		return len(list)
	}
	t.Run("age", func(t *testing.T) {
		dir := t.TempDir()
		doc, end := begun(t, dir, 6)
		s, _ := open(t, dir, attest.UEID{})
		if err := s.PutAnchor(&telemetry.Anchor{Head: telemetry.Head{Genesis: end.Genesis, Index: 3}}); err != nil {
			t.Fatal(err)
		}
		list, _ := filepath.Glob(filepath.Join(dir, "*", "*.chunk"))
		for _, path := range list[:4] {
			if err := os.Chtimes(path, now.Add(-2*time.Hour), now.Add(-2*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		removed, dropped, err := s.Retain(now, time.Hour, 1<<40)
		if removed != 4 || dropped != 0 || err != nil || files(dir) != 2 || s.Kept(end.Genesis) != 13 {
			t.Errorf("%d removed, %d dropped, %v; from %d", removed, dropped, err, s.Kept(end.Genesis))
		}
		if a := s.Anchors(end.Genesis, 1, 99, 9); len(a) != 0 {
			t.Errorf("%d anchors of what is gone", len(a))
		}
		if docs := s.Documents(telemetry.Start(doc).Genesis, 9); len(docs) != 1 {
			t.Error("the newest chain's document is gone")
		}
	})
	t.Run("size", func(t *testing.T) {
		dir := t.TempDir()
		_, end := begun(t, dir, 6)
		s, _ := open(t, dir, attest.UEID{})
		removed, dropped, err := s.Retain(now, time.Hour, 1)
		if removed != 6 || dropped != 6 || err != nil || s.Kept(end.Genesis) != 0 {
			t.Errorf("%d removed, %d dropped, %v", removed, dropped, err)
		}
	})
	t.Run("too many chains", func(t *testing.T) {
		dir := t.TempDir()
		_, end := begun(t, dir, 2)
		for i := range 4200 { // each a start of an agent that made no chunk
			doc := genesis(t, telemetry.Genesis{Ordinal: uint64(i) + 1, Previous: &end})
			folder := filepath.Join(dir, fmt.Sprintf("%08d-%016x", i+1, i+1))
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, "genesis"), doc, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, _ := open(t, dir, attest.UEID{})
		if removed, _, err := s.Retain(now, time.Hour, 1<<40); removed != 0 || err != nil {
			t.Errorf("%d chunks removed, %v", removed, err)
		}
		list, _ := filepath.Glob(filepath.Join(dir, "*", "genesis"))
		if len(list) != 4096 || files(dir) != 2 || filepath.Base(filepath.Dir(list[4095])) != "00004200-0000000000001068" {
			t.Errorf("%d chains left, %d chunks, the last %s", len(list), files(dir), list[len(list)-1])
		}
	})
	t.Run("old chains", func(t *testing.T) {
		dir := t.TempDir()
		begun(t, dir, 1)
		for i := range 3 {
			s, found := open(t, dir, attest.UEID{})
			if err := s.Begin(genesis(t, telemetry.Genesis{Ordinal: uint64(i) + 1, Previous: found.Previous})); err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		s, _ := open(t, dir, attest.UEID{})
		if _, _, err := s.Retain(now.Add(2*time.Hour), time.Hour, 1<<40); err != nil {
			t.Fatal(err)
		}
		if list, _ := filepath.Glob(filepath.Join(dir, "*", "genesis")); len(list) != 1 {
			t.Errorf("%d chains left, want the newest", len(list))
		}
	})
}

// TestHistoryOnDiskThatWasChangedIsSeen: a byte rewritten, a chunk dropped, a chunk exchanged.
func TestHistoryOnDiskThatWasChangedIsSeen(t *testing.T) {
	reads := func(s *store.Store, end telemetry.Head) error {
		at := telemetry.Start(nil)
		for next := uint64(1); next <= end.Index; next = at.Index + 1 {
			chunks, err := s.Chunks(end.Genesis, next, 1<<20)
			if err != nil {
				return err
			}
			if len(chunks) == 0 {
				return errors.New("a gap")
			}
			for _, b := range chunks {
				c, err := telemetry.ParseChunk(b)
				if err != nil {
					return err
				}
				if _, _, err := c.Verify(); err != nil {
					return err
				}
				if next != 1 && c.Begin() != at || c.First != next {
					return fmt.Errorf("chunk %d does not continue", c.First)
				}
				at = c.End()
				next = at.Index + 1
			}
		}
		if at != end {
			return errors.New("another end")
		}
		return nil
	}
	for round := range 30 {
		random := rand.New(rand.NewPCG(1, uint64(round)))
		dir := t.TempDir()
		_, end := begun(t, dir, 6)
		files, _ := filepath.Glob(filepath.Join(dir, "*", "*.chunk"))
		n := random.IntN(4) // the newest two are looked at by the store itself
		b, err := os.ReadFile(files[n])
		if err != nil {
			t.Fatal(err)
		}
		switch round % 3 {
		case 0:
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
			err = os.WriteFile(files[n], b, 0o600)
		case 1:
			err = os.Remove(files[n])
		case 2:
			other, _ := os.ReadFile(files[n+1])
			err = os.WriteFile(files[n], other, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		s, _ := open(t, dir, attest.UEID{})
		if reads(s, end) == nil {
			t.Fatalf("round %d: not seen", round)
		}
		s.Close()
	}
}
