package recorder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// TestChainIsContinuousFromDiskAndMemory: what was quoted at any moment is found again.
func TestChainIsContinuousFromDiskAndMemory(t *testing.T) {
	r, stop := running(t, options(t.TempDir(), newGPUs(2)))
	var quoted []telemetry.Head
	eventually(t, "300 records, of which memory has dropped some", func() bool {
		if h, ok := r.Head(); ok {
			quoted = append(quoted, h)
			return h.Index > 300
		}
		return false
	})
	c := claims(t, r)
	if c.StoredFrom != 1 || c.StoredTo == 0 || c.StoredTo > c.Index {
		t.Errorf("stored %d to %d of %d", c.StoredFrom, c.StoredTo, c.Index)
	}
	for _, most := range []int{1, 10_000, 1 << 20} {
		h := fetch(t, r, recorder.Cursor{Genesis: c.Head().Genesis, First: 1}, most)
		for _, q := range append(quoted, c.Head()) {
			if h.heads[q.Index] != q {
				t.Fatalf("head %d was quoted as another", q.Index)
			}
		}
		for i := uint64(2); i <= h.last.Index; i++ {
			if h.records[i].Uptime <= h.records[i-1].Uptime {
				t.Fatalf("record %d is not later than the one before", i)
			}
		}
		if len(h.records[1].Devices) != 2 || len(h.records[1].Devices[0].Values) < 60 {
			t.Errorf("record 1 has %d GPUs", len(h.records[1].Devices))
		}
	}
	stop()
}

func TestWindowReachesTheHeadAndTrailToo(t *testing.T) {
	r, _ := running(t, options(t.TempDir(), newGPUs(1)))
	eventually(t, "150 records", func() bool { h, _ := r.Head(); return h.Index > 150 })
	at, err := r.Since(1)
	if err != nil {
		t.Fatal(err)
	}
	quoted := claims(t, r).Head()
	h := fetch(t, r, at, 1<<20)
	if h.heads[quoted.Index] != quoted {
		t.Error("the window does not hold the quoted head")
	}
	trail, err := r.Trail(t.Context(), quoted.Genesis, 101, quoted.Index)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.heads[100].Follow(trail); got != quoted {
		t.Errorf("the trail leads to %v, want %v", got, quoted)
	}
	if _, err := r.Trail(t.Context(), quoted.Genesis, 1, 1_000_000); err == nil {
		t.Error("a trail without end was given")
	}
}

func TestRestartBeginsAChainThatNamesTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	r, stop := running(t, options(dir, newGPUs(1)))
	eventually(t, "20 records", func() bool { h, _ := r.Head(); return h.Index > 20 })
	stop()
	last, _ := r.Head()
	r, _ = running(t, options(dir, newGPUs(1)))
	eventually(t, "a record", func() bool { h, _ := r.Head(); return h.Index > 0 })
	c := claims(t, r)
	g, err := telemetry.ParseGenesis(c.Genesis)
	if err != nil {
		t.Fatal(err)
	}
	if g.Previous == nil || *g.Previous != last || g.Ordinal != 1 || g.Volatile {
		t.Errorf("genesis %+v, the chain before ended at %+v", g, last)
	}
	if len(c.Ancestors) != 1 || telemetry.Start(c.Ancestors[0]).Genesis != last.Genesis {
		t.Errorf("%d ancestors", len(c.Ancestors))
	}
	h := fetch(t, r, recorder.Cursor{Genesis: last.Genesis, First: 5}, 1<<20) // over the restart
	if h.last.Genesis == last.Genesis || h.last.Index == 0 {
		t.Errorf("fetching ends at %+v", h.last)
	}
}

func TestHungProbeLeavesRecordsThatSaySo(t *testing.T) {
	g := newGPUs(1)
	g.hang.Store(true)
	r, stop := running(t, options("", g))
	eventually(t, "10 records", func() bool { h, _ := r.Head(); return h.Index > 10 })
	h := fetch(t, r, recorder.Cursor{Genesis: claims(t, r).Head().Genesis, First: 1}, 1<<20)
	if a := h.records[3].Absent; len(a) != 1 || a[0].What != "gpu" || a[0].Reason != attest.Timeout {
		t.Errorf("%+v", a)
	}
	stop()
	if g.most.Load() != 1 {
		t.Errorf("%d sweeps at a time", g.most.Load())
	}
}

func TestFailingProbeIsAnAbsence(t *testing.T) {
	g := newGPUs(1)
	g.fail.Store(true)
	r, _ := running(t, options("", g))
	eventually(t, "a record", func() bool { h, _ := r.Head(); return h.Index > 0 })
	h := fetch(t, r, recorder.Cursor{Genesis: claims(t, r).Head().Genesis, First: 1}, 1<<20)
	if a := h.records[1].Absent; len(a) != 1 || a[0].Reason != attest.Failed || !strings.Contains(a[0].Detail, "no such thing") {
		t.Errorf("%+v", a)
	}
}

// TestDiskThatFailsAndReturns: the chain goes on, says so twice, and what memory still had is stored after all.
func TestDiskThatFailsAndReturns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "telemetry")
	o := options(dir, newGPUs(1))
	o.Memory = time.Minute
	r, stop := running(t, o)
	eventually(t, "a record", func() bool { _, ok := r.Head(); return ok })
	eventually(t, "something stored", func() bool { return claims(t, r).StoredTo > 0 })
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	at := claims(t, r).StoredTo
	eventually(t, "the fact", func() bool {
		h := fetch(t, r, recorder.Cursor{Genesis: claims(t, r).Head().Genesis, First: at + 1}, 1<<20)
		return len(facts(h, telemetry.FactDisk)) == 1
	})
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stored again", func() bool { return claims(t, r).StoredTo > at+30 })
	stop()
	h := fetch(t, r, recorder.Cursor{Genesis: claims(t, r).Head().Genesis, First: 1}, 1<<20)
	if got := facts(h, telemetry.FactDisk); len(got) != 2 || got[1].Text != "stored again" || got[1].Value != 0 {
		t.Errorf("%+v", got)
	}
	again, _ := running(t, o)
	eventually(t, "a record", func() bool { h, _ := again.Head(); return h.Index > 0 })
	if g, _ := telemetry.ParseGenesis(claims(t, again).Genesis); g.Previous == nil || *g.Previous != h.last {
		t.Errorf("after a restart the chain before ends at %+v, want %+v", g.Previous, h.last)
	}
}

// What is too old goes at the start, too: an agent may never come to store a chunk.
func TestRetentionBeginsWithTheChain(t *testing.T) {
	o := options(t.TempDir(), newGPUs(1))
	r, stop := running(t, o)
	eventually(t, "something stored", func() bool { _, ok := r.Head(); return ok && claims(t, r).StoredTo > 0 })
	stop()
	chunks := func() []string { list, _ := filepath.Glob(filepath.Join(o.Dir, "*", "*.chunk")); return list }
	old := time.Now().Add(-2 * time.Hour)
	for _, path := range chunks() {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	o.Retention, o.Minute = time.Hour, time.Hour
	running(t, o)
	eventually(t, "old chunks removed", func() bool { return len(chunks()) == 0 })
}

// Records that were not stored in the middle of an older chain are a lack, and not its end.
func TestHoleOfAnOlderChainIsNotItsEnd(t *testing.T) {
	o := options(t.TempDir(), newGPUs(1))
	r, stop := running(t, o)
	eventually(t, "four chunks", func() bool { list, _ := filepath.Glob(filepath.Join(o.Dir, "*", "*.chunk")); return len(list) > 3 })
	stop()
	older := claims(t, r).Head()
	list, _ := filepath.Glob(filepath.Join(o.Dir, "*", "*.chunk"))
	if err := os.Remove(list[1]); err != nil {
		t.Fatal(err)
	}
	again, _ := running(t, o)
	eventually(t, "a record", func() bool { h, _ := again.Head(); return h.Index > 0 })
	chunks, next, err := again.Chunks(t.Context(), recorder.Cursor{Genesis: older.Genesis, First: 1}, 1<<20)
	if err != nil || len(chunks) != 1 || next == nil {
		t.Fatalf("%d chunks, %v, %v", len(chunks), next, err)
	}
	var absent *attest.AbsentError
	if chunks, after, err := again.Chunks(t.Context(), *next, 1<<20); !errors.As(err, &absent) {
		t.Errorf("behind the hole: %d chunks, %v, %v", len(chunks), after, err)
	}
	if _, after, err := again.Chunks(t.Context(), recorder.Cursor{Genesis: older.Genesis, First: older.Index + 1}, 1<<20); err != nil || after == nil || after.Genesis == older.Genesis {
		t.Errorf("behind the end: %v, %v", after, err)
	}
}

func TestDiskThatWasNeverThereIsVolatile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := running(t, options(filepath.Join(file, "telemetry"), newGPUs(1)))
	eventually(t, "3 records", func() bool { h, _ := r.Head(); return h.Index > 3 })
	g, err := telemetry.ParseGenesis(claims(t, r).Genesis)
	if err != nil || !g.Volatile || g.Why == "" {
		t.Errorf("%+v, %v", g, err)
	}
	h := fetch(t, r, recorder.Cursor{Genesis: claims(t, r).Head().Genesis, First: 1}, 1<<20)
	if len(facts(h, telemetry.FactDisk)) != 1 {
		t.Errorf("facts %+v", h.records[1].Facts)
	}
	var absent *attest.AbsentError
	if _, _, err := r.Chunks(t.Context(), recorder.Cursor{Genesis: attest.Digest{9}, First: 1}, 1); !errors.As(err, &absent) {
		t.Errorf("a chain that is not there: %v", err)
	}
}

func TestSecondAgentOnOneFolderKeepsItsOwnChain(t *testing.T) {
	dir := t.TempDir()
	first, _ := running(t, options(dir, newGPUs(1)))
	eventually(t, "a record", func() bool { h, _ := first.Head(); return h.Index > 0 })
	second, _ := running(t, options(dir, newGPUs(1)))
	eventually(t, "a record", func() bool { h, _ := second.Head(); return h.Index > 0 })
	g, _ := telemetry.ParseGenesis(claims(t, second).Genesis)
	if !g.Volatile || !strings.Contains(g.Why, "another agent") {
		t.Errorf("%+v", g)
	}
}

func TestMarksStandInTheNextRecord(t *testing.T) {
	r, _ := running(t, options("", newGPUs(1)))
	eventually(t, "a record", func() bool { h, _ := r.Head(); return h.Index > 0 })
	for i := range byte(200) {
		r.Mark(attest.Digest{1, i})
	}
	at, _ := r.Head()
	eventually(t, "five more records", func() bool { h, _ := r.Head(); return h.Index > at.Index+5 })
	h := fetch(t, r, recorder.Cursor{Genesis: at.Genesis, First: 1}, 1<<20)
	total := 0
	for i := at.Index; i <= h.last.Index; i++ {
		for _, m := range h.records[i].Marks {
			if m[0] != 1 {
				t.Fatalf("%x", m)
			}
			total++
		}
	}
	if total != 200 {
		t.Errorf("%d marks", total)
	}
}

func TestAnchorsAreKept(t *testing.T) {
	r, _ := running(t, options(t.TempDir(), newGPUs(1)))
	eventually(t, "5 records", func() bool { h, _ := r.Head(); return h.Index > 5 })
	head, _ := r.Head()
	a := &telemetry.Anchor{Head: head, At: 5, Attest: []byte{1}, Signature: []byte{2}}
	if err := r.Anchored(a); err != nil {
		t.Fatal(err)
	}
	docs, anchors := r.Documents(head.Genesis, 1, head.Index)
	if len(docs) != 1 || len(anchors) != 1 || anchors[0].Head != head || claims(t, r).Anchored != head.Index {
		t.Errorf("%d documents, anchors %+v", len(docs), anchors)
	}
	if err := r.Anchored(&telemetry.Anchor{Head: telemetry.Head{Index: 1}}); err == nil {
		t.Error("an anchor of another chain was kept")
	}
}
