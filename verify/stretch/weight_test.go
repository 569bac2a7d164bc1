package stretch_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
	"github.com/hallmark-attest/hallmark/verify/stretch"
)

// The longest window that a challenge may ask for, of a full host at the fastest rate an agent takes.
func TestBusiestHonestHostIsRead(t *testing.T) {
	m := newMaker(t, 0)
	m.host, m.every = sweeps.New(8, 0.1, 3), 100
	m.records(attest.MaxWindowSeconds * 10)
	s := m.open()
	for _, c := range checks(s) {
		if c.What == stretch.Repeats && held(c) != pass {
			t.Errorf("%+v", c)
		}
	}
	if len(s.Entries) != 9000 || len(s.GPUs()) != 8 {
		t.Errorf("%d records of %v", len(s.Entries), s.GPUs())
	}
}

// heavy is chunks of as many records as one takes, and how many of them are read. Where
// making them takes long no further one is made.
type heavy struct {
	each, within int
	more         bool
	make         func(i int) *telemetry.Record
}

func power(i int) *telemetry.Record {
	d := telemetry.Device{Key: "a", Values: telemetry.Values{int64(telemetry.AveragePower), 600_000, int64(telemetry.EnforcedLimit), 700_000, int64(telemetry.Energy), int64(i)*600 + int64(i)*int64(i)%7}}
	return &telemetry.Record{Devices: []telemetry.Device{d}}
}

func heavies() map[string]heavy {
	facts := make([]telemetry.Fact, telemetry.MaxFacts)
	for i := range facts {
		facts[i] = telemetry.Fact{Name: "x"}
	}
	full := func(values int) func(int) *telemetry.Record {
		return func(int) *telemetry.Record {
			r := &telemetry.Record{}
			for g := range telemetry.MaxDevices {
				d := telemetry.Device{Key: fmt.Sprintf("%02d", g)}
				for f := range values {
					d.Values.Set(telemetry.Field(f+1), 0)
				}
				r.Devices = append(r.Devices, d)
			}
			return r
		}
	}
	return map[string]heavy{
		"records of nothing":    {telemetry.MaxSteps, 10, true, func(int) *telemetry.Record { return &telemetry.Record{} }},
		"a gap at every record": {telemetry.MaxSteps, 10, false, func(i int) *telemetry.Record { return &telemetry.Record{Uptime: uint64(i) * 10_000} }},
		"facts":                 {telemetry.MaxSteps, 2, false, func(int) *telemetry.Record { return &telemetry.Record{Facts: facts} }},
		"energy each ms":        {telemetry.MaxSteps, 9, false, power},
		"energy each second":    {telemetry.MaxSteps, 9, true, func(i int) *telemetry.Record { r := power(i); r.Uptime = uint64(i+1) * 1000; return r }},
		"GPUs":                  {telemetry.MaxSteps, 1, false, full(0)},
		"values":                {60, 2, false, full(telemetry.MaxValues)},
	}
}

// chunks are those that are read, and perhaps one more.
func (h heavy) chunks(t testing.TB, doc []byte) (chunks [][]byte, heads []telemetry.Head) {
	at := telemetry.Start(doc)
	records := make([]*telemetry.Record, h.each)
	for n := range h.within + map[bool]int{true: 1}[h.more] {
		for i := range records {
			records[i] = h.make(n*h.each + i)
			records[i].Uptime = max(records[i].Uptime, uint64(n*h.each+i+1))
		}
		c, err := telemetry.NewChunk(at, records)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at = c.End()
		chunks, heads = append(chunks, b), append(heads, at)
	}
	return chunks, heads
}

// Whatever a window of its largest size was compressed from: what is read of it stays
// within half a gigabyte and some seconds, and more is refused.
func TestWorstWindowIsBounded(t *testing.T) {
	doc := newMaker(t, 0).docs[0]
	for name, h := range heavies() {
		t.Run(name, func(t *testing.T) {
			chunks, heads := h.chunks(t, doc)
			if h.more {
				if _, err := stretch.Open(stretch.Source{Chunks: chunks, Genesis: [][]byte{doc}, Head: heads[h.within]}); err == nil || errors.Is(err, stretch.ErrNotQuoted) {
					t.Fatalf("one chunk more is read: %v", err)
				}
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			s, err := stretch.Open(stretch.Source{Chunks: chunks[:h.within], Genesis: [][]byte{doc}, Head: heads[h.within-1]})
			if err != nil {
				t.Fatal(err)
			}
			opened := time.Since(began)
			runtime.GC()
			runtime.ReadMemStats(&after)
			began = time.Now()
			checks, gaps := checks(s), s.Gaps()
			facts, all := s.Facts()
			took := time.Since(began)
			kept := int64(after.HeapAlloc-before.HeapAlloc) >> 20
			t.Logf("%d records: %d MiB kept, opened in %v, judged in %v", len(s.Entries), kept, opened, took)
			if kept > 512 || opened > time.Minute || took > time.Minute { // seconds, and this machine may have other work
				t.Error("more than it may cost")
			}
			if len(gaps.List) > 4096 || len(facts) > 4096 || gaps.All < len(gaps.List) || all < len(facts) || len(checks) > 64*7 {
				t.Errorf("%d gaps of %d, %d facts of %d, %d checks", len(gaps.List), gaps.All, len(facts), all, len(checks))
			}
			runtime.KeepAlive(s)
		})
	}
}

// Every rule is held against every GPU: a new one in each record would be a square of work.
func TestMoreGPUsThanAHostHasAreRefused(t *testing.T) {
	m := newMaker(t, 0)
	m.edit = func(i int, r *telemetry.Record) { r.Devices = []telemetry.Device{{Key: fmt.Sprintf("%03d", i)}} }
	if s := m.records(telemetry.MaxDevices).open(); len(s.GPUs()) != telemetry.MaxDevices {
		t.Error(s.GPUs())
	}
	m.edit = func(_ int, r *telemetry.Record) { r.Devices = []telemetry.Device{{Key: "one more"}} }
	if _, err := stretch.Open(m.records(1).source()); err == nil || errors.Is(err, stretch.ErrNotQuoted) {
		t.Errorf("%v", err)
	}
	if _, err := stretch.Summarize(m.source(), 1000); err == nil {
		t.Error("summed up")
	}
}
