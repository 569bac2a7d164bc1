package stretch_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// maker makes chains as an honest agent does, with a change to each record.
type maker struct {
	t      testing.TB
	docs   [][]byte // youngest first
	heads  []telemetry.Head
	chunks [][]byte
	host   *sweeps.Host
	uptime uint64
	every  uint64 // ms between records
	// interval is what the chain states, ms.
	interval uint64
	boot     byte
	edit     func(i int, r *telemetry.Record)
	skip     uint64 // ms before the next record
}

func newMaker(t testing.TB, gpus int) *maker {
	m := &maker{t: t, host: sweeps.New(gpus, 1, 3), uptime: 5000, every: 1000, interval: 1000, boot: 1}
	m.begin(nil)
	return m
}

func (m *maker) head() telemetry.Head { return m.heads[len(m.heads)-1] }

func (m *maker) begin(previous *telemetry.Head) {
	g := telemetry.Genesis{BootID: [16]byte{m.boot}, Random: attest.Digest{byte(len(m.docs) + 1)}, At: 1_700_000_000_000 + m.uptime, Uptime: m.uptime, Interval: m.interval, Version: "test", Why: "first"}
	if previous != nil {
		g.Previous, g.Why, g.Ordinal = previous, "", uint64(len(m.docs))
	}
	doc, err := g.Encode()
	if err != nil {
		m.t.Fatal(err)
	}
	m.docs, m.heads = slices.Insert(m.docs, 0, doc), append(m.heads, telemetry.Start(doc))
}

// restart begins the next chain behind the last record.
func (m *maker) restart() { h := m.head(); m.begin(&h) }

// minutes appends chunks of up to 60 records, n records in all.
func (m *maker) records(n int) *maker {
	m.t.Helper()
	for done := 0; done < n; {
		var list []*telemetry.Record
		for ; done < n && len(list) < 60; done++ {
			m.uptime += m.every + m.skip
			m.skip = 0
			r := m.host.Next(1_700_000_000_000 + m.uptime)
			r.At, r.Uptime = 1_700_000_000_000+m.uptime, m.uptime
			if m.edit != nil {
				m.edit(done, r)
			}
			list = append(list, r)
		}
		c, err := telemetry.NewChunk(m.head(), list)
		if err != nil {
			m.t.Fatal(err)
		}
		b, err := c.Encode()
		if err != nil {
			m.t.Fatal(err)
		}
		m.chunks, m.heads = append(m.chunks, b), append(m.heads, c.End())
	}
	return m
}

func (m *maker) source() stretch.Source {
	return stretch.Source{Chunks: m.chunks, Genesis: m.docs, Head: m.head()}
}

func (m *maker) open() *stretch.Stretch {
	m.t.Helper()
	s, err := stretch.Open(m.source())
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// records digests those of a chunk, for a trail.
func digests(t testing.TB, chunk []byte) (out []attest.Digest, heads []telemetry.Head) {
	c, err := telemetry.ParseChunk(chunk)
	if err != nil {
		t.Fatal(err)
	}
	list, heads, err := c.Verify()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sha256.Sum256(b))
	}
	return out, heads
}

func TestRecordsBehindTheHeadAreCut(t *testing.T) {
	m := newMaker(t, 1).records(150)
	_, heads := digests(t, m.chunks[1])
	src := m.source()
	src.Head = heads[9]
	s, err := stretch.Open(src)
	if err != nil || len(s.Entries) != 70 || s.Entries[69].Head != heads[9] || s.Before != telemetry.Start(m.docs[0]) {
		t.Fatalf("%v", err)
	}
	src.Head.Hash[0] ^= 1
	if _, err := stretch.Open(src); !errors.Is(err, stretch.ErrNotQuoted) {
		t.Errorf("another hash: %v", err)
	}
}

func TestTrailLeadsToTheHead(t *testing.T) {
	m := newMaker(t, 1).records(150)
	trail, _ := digests(t, m.chunks[2])
	src := m.source()
	src.Chunks, src.Trail = m.chunks[:2], trail
	if s, err := stretch.Open(src); err != nil || len(s.Entries) != 120 {
		t.Fatalf("%v", err)
	}
	for name, bad := range map[string][]attest.Digest{"short": trail[1:], "none": nil, "changed": append(trail[:29:29], attest.Digest{1})} {
		src.Trail = bad
		if _, err := stretch.Open(src); !errors.Is(err, stretch.ErrNotQuoted) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChainsFollowOnlyWhereTheGenesisSaysSo(t *testing.T) {
	m := newMaker(t, 1).records(90)
	m.restart()
	m.restart() // without a record
	m.records(70)
	s := m.open()
	if len(s.Entries) != 160 || s.Entries[90].Head.Index != 1 {
		t.Fatal(len(s.Entries))
	}
	for name, change := range map[string]func(*stretch.Source){
		"the second chunk left out":    func(s *stretch.Source) { s.Chunks = append(s.Chunks[:1:1], s.Chunks[2:]...) },
		"the third chunk left out":     func(s *stretch.Source) { s.Chunks = append(s.Chunks[:2:2], s.Chunks[3:]...) },
		"the middle document left out": func(s *stretch.Source) { s.Genesis = [][]byte{s.Genesis[0], s.Genesis[2]} },
		"only the first document":      func(s *stretch.Source) { s.Genesis = s.Genesis[:1] },
		"the other chain's document":   func(s *stretch.Source) { s.Genesis = s.Genesis[1:] },
		"no document":                  func(s *stretch.Source) { s.Genesis = nil },
		"chains exchanged":             func(s *stretch.Source) { s.Chunks = append(s.Chunks[2:4:4], s.Chunks[:2]...) },
	} {
		src := m.source()
		change(&src)
		if _, err := stretch.Open(src); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	// Documents of chains that have nothing to do with it.
	m = newMaker(t, 1).records(70)
	foreign := newMaker(t, 1)
	foreign.restart()
	for name, docs := range map[string][][]byte{"in its place": foreign.docs[:1], "beside it": {m.docs[0], foreign.docs[0]}} {
		src := m.source()
		src.Genesis = docs
		if _, err := stretch.Open(src); err == nil {
			t.Errorf("a foreign document %s: opened", name)
		}
	}
	// The end of an older chain alone is no way to a head without a record, but where that chain follows it.
	m = newMaker(t, 1).records(70)
	m.restart()
	if s := m.open(); len(s.Entries) != 70 {
		t.Error(len(s.Entries))
	}
	src := m.source()
	src.Chunks = src.Chunks[:1]
	if _, err := stretch.Open(src); !errors.Is(err, stretch.ErrNotQuoted) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f, 1).records(3)
	m.restart()
	m.records(2)
	f.Add(m.chunks[0], m.chunks[1], m.docs[0], m.docs[1])
	head := m.head()
	f.Fuzz(func(t *testing.T, one, two, young, old []byte) {
		s, err := stretch.Open(stretch.Source{Chunks: [][]byte{one, two}, Genesis: [][]byte{young, old}, Head: head})
		if err == nil && (s.Head != head || len(s.Entries) == 0 || s.Entries[len(s.Entries)-1].Head != head) {
			t.Error("records that do not lead to the head")
		}
		if err == nil {
			checks(s)
			s.Gaps()
		}
	})
}

// BenchmarkOpen is five minutes of eight GPUs, opened and held against every rule.
func BenchmarkOpen(b *testing.B) {
	src := newMaker(b, 8).records(300).source()
	for b.Loop() {
		s, err := stretch.Open(src)
		if err != nil {
			b.Fatal(err)
		}
		checks(s)
	}
}
