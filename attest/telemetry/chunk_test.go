package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

func genesis(t testing.TB) (doc []byte, start telemetry.Head) {
	t.Helper()
	g := telemetry.Genesis{Random: attest.Digest{1}, At: 1_700_000_000_000, Uptime: 5, Interval: 1000, Version: "test", Why: "first"}
	doc, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return doc, telemetry.Start(doc)
}

func records(n, gpus int) []*telemetry.Record {
	h := sweeps.New(gpus, 1, 3)
	out := make([]*telemetry.Record, n)
	for i := range out {
		out[i] = h.Next(1_700_000_000_000 + uint64(i)*1000)
	}
	return out
}

func head(t testing.TB, at telemetry.Head, list []*telemetry.Record) telemetry.Head {
	t.Helper()
	for _, r := range list {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at = at.Append(b)
	}
	return at
}

// odd are records that a driver can give and a test would not think of.
func odd() []*telemetry.Record {
	u := uint64(math.MaxUint64)
	return []*telemetry.Record{
		{At: 5, Uptime: 9},
		{At: 4, Uptime: 10, Devices: []telemetry.Device{{Key: "a"}, {Key: "b", Values: telemetry.Values{1, math.MinInt64, 2, math.MaxInt64}}}},
		{At: 4, Uptime: 10, Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{1, 0}}, {Key: "b", Values: telemetry.Values{1, math.MaxInt64, 2, math.MinInt64}}}},
		{At: 1 << 60, Uptime: 0, Facts: []telemetry.Fact{{Name: telemetry.FactClock, Value: math.MinInt64, Text: "set back"}}},
		{At: 6, Uptime: 11, Marks: []attest.Digest{{1}, {2}}, Devices: []telemetry.Device{{Key: "a"}, {Key: "b"}, {Key: "c", UUID: "GPU-1", Processes: []telemetry.Process{{PID: 2}}}}},
		{At: 7, Uptime: 11, Devices: []telemetry.Device{{Key: "b", Processes: []telemetry.Process{{PID: 1}, {PID: u, UsedBytes: &u}}, Values: telemetry.Values{5, 5}}},
			Absent: []attest.Absence{attest.Absent("gpu[a]", attest.Timeout, "nvmlDeviceGetTemperature has not returned")}},
	}
}

func TestChunkRebuildsEveryRecordByteForByte(t *testing.T) {
	_, start := genesis(t)
	for name, list := range map[string][]*telemetry.Record{"simulated": records(130, 8), "odd": odd(), "one": records(1, 1)} {
		c, err := telemetry.NewChunk(start, list)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		c, err = telemetry.ParseChunk(b)
		if err != nil {
			t.Fatal(err)
		}
		got, heads, err := c.Verify()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for i, r := range list {
			want, _ := r.Encode()
			have, _ := got[i].Encode()
			if !bytes.Equal(want, have) {
				t.Fatalf("%s: record %d: %s", name, i, cmp.Diff(r, got[i]))
			}
		}
		if end := head(t, start, list); c.End() != end || heads[len(heads)-1] != end {
			t.Errorf("%s: ends at %v, want %v", name, c.End(), end)
		}
	}
}

// TestEveryFlippedBitOfAChunkIsSeen: what verifies is the record list that was
// written, whatever the compressor makes of damaged input.
func TestEveryFlippedBitOfAChunkIsSeen(t *testing.T) {
	_, start := genesis(t)
	c, err := telemetry.NewChunk(start, records(3, 1))
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(b) * 8 {
		x := bytes.Clone(b)
		x[i/8] ^= 1 << (i % 8)
		got, err := telemetry.ParseChunk(x)
		if err != nil {
			continue
		}
		if _, _, err := got.Verify(); err == nil && got.End() == c.End() && got.Begin() == c.Begin() {
			again, _, _ := got.Verify()
			if head(t, start, again) != c.End() {
				t.Fatalf("bit %d flipped and other records verified", i)
			}
		}
	}
}

func TestChunkRefusesOtherRecords(t *testing.T) {
	_, start := genesis(t)
	list := records(5, 2)
	c, err := telemetry.NewChunk(start, list)
	if err != nil {
		t.Fatal(err)
	}
	changed := *list[2]
	changed.Uptime++
	for name, other := range map[string][]*telemetry.Record{
		"changed": {list[0], list[1], &changed, list[3], list[4]},
		"swapped": {list[0], list[2], list[1], list[3], list[4]},
	} {
		x, err := telemetry.NewChunk(start, other)
		if err != nil {
			t.Fatal(err)
		}
		x.After = c.After
		if _, _, err := x.Verify(); !errors.Is(err, telemetry.ErrChain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A few kilobytes can stand for gigabytes: one large record, up to eighteen thousand times.
func TestChunkIsBoundedByWhatItUnpacksTo(t *testing.T) {
	var absent []attest.Absence
	for i := range attest.MaxAbsences {
		absent = append(absent, attest.Absent(fmt.Sprintf("gpu[%03d]", i), attest.Failed, "%s", strings.Repeat("x", attest.MaxDetail)))
	}
	_, start := genesis(t)
	list := make([]*telemetry.Record, 600)
	for i := range list {
		list[i] = &telemetry.Record{Uptime: uint64(i + 1), Absent: absent}
	}
	if _, err := telemetry.NewChunk(start, list); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Fatalf("written: %v", err)
	}
	columns, err := telemetry.Pack(list)
	if err != nil {
		t.Fatal(err)
	}
	body, err := telemetry.Compress(columns)
	if err != nil {
		t.Fatal(err)
	}
	c := telemetry.Chunk{Genesis: start.Genesis, First: 1, Count: uint64(len(list)), Before: start.Hash, Columns: uint64(len(columns)), Body: body}
	began := time.Now()
	if _, _, err := c.Verify(); err == nil || errors.Is(err, telemetry.ErrChain) || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("read: %v", err)
	}
	t.Logf("%d bytes are refused after %v", len(body), time.Since(began))
}

func TestTrailReachesTheHead(t *testing.T) {
	_, start := genesis(t)
	list := records(9, 1)
	var digests []attest.Digest
	for _, r := range list[4:] {
		b, _ := r.Encode()
		digests = append(digests, attest.Digest(sum(b)))
	}
	if got, want := head(t, start, list[:4]).Follow(digests), head(t, start, list); got != want {
		t.Errorf("trail leads to %v, want %v", got, want)
	}
}

func TestRecordRefusesOtherForms(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, r := range map[string]telemetry.Record{
		"unsorted GPUs":    {Devices: []telemetry.Device{{Key: "b"}, {Key: "a"}}},
		"a GPU twice":      {Devices: []telemetry.Device{{Key: "a"}, {Key: "a"}}},
		"no key":           {Devices: []telemetry.Device{{}}},
		"odd values":       {Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{1}}}},
		"unsorted fields":  {Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{2, 0, 1, 0}}}},
		"field zero":       {Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{0, 0}}}},
		"a field too high": {Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{1 << 40, 0}}}},
		"a pid twice":      {Devices: []telemetry.Device{{Key: "a", Processes: []telemetry.Process{{PID: 1}, {PID: 1}}}}},
		"long fact":        {Facts: []telemetry.Fact{{Name: "x", Text: long}}},
		"nameless fact":    {Facts: []telemetry.Fact{{}}},
		"time":             {At: math.MaxUint64},
	} {
		if _, err := r.Encode(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestSizeOnDisk states what the format is for: a value in two bytes at most, and
// records eight times smaller than they are.
func TestSizeOnDisk(t *testing.T) {
	_, start := genesis(t)
	var values, raw, disk int
	at := start
	all := records(900, 8)
	for i := 0; i < len(all); i += 60 {
		list := all[i : i+60]
		c, err := telemetry.NewChunk(at, list)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		at, disk = c.End(), disk+len(b)
		for _, r := range list {
			enc, _ := r.Encode()
			raw += len(enc)
			for _, d := range r.Devices {
				values += len(d.Values) / 2
			}
		}
	}
	t.Logf("%d values in %d records: %.2f bytes a value on disk, %.1fx smaller than the records, %.1fx than 8 bytes each",
		values, len(all), float64(disk)/float64(values), float64(raw)/float64(disk), float64(8*values)/float64(disk))
	if 2*values < disk || 8*disk > raw {
		t.Error("over two bytes a value, or less than eight times smaller")
	}
}

func BenchmarkNewChunk(b *testing.B) {
	_, start := genesis(b)
	list := records(60, 8)
	for b.Loop() {
		if _, err := telemetry.NewChunk(start, list); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyChunk(b *testing.B) {
	_, start := genesis(b)
	c, err := telemetry.NewChunk(start, records(60, 8))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := c.Verify(); err != nil {
			b.Fatal(err)
		}
	}
}
