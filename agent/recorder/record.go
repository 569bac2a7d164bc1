package recorder

import (
	"slices"
	"sync"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// record steps the chain. One goroutine calls it, and nobody else changes what it changes.
func (r *Recorder) record(in reading) {
	now := r.o.Clock.now()
	r.mu.Lock()
	r.step(now, in)
	due := len(r.open) > 0 && (now.running-r.opened >= r.o.Minute-r.o.Interval/2 || len(r.open) >= mostOpen)
	r.mu.Unlock()
	if due {
		r.closeChunk()
	}
}

// step appends one record; r.mu is held.
func (r *Recorder) step(now moment, in reading) {
	facts, missed := r.watch.facts(now)
	r.missed += missed
	facts = telemetry.AtMost(append(append(append(r.pending, facts...), in.facts...), r.driver.facts(in)...), telemetry.MaxFacts)
	marks := r.marks[:min(len(r.marks), telemetry.MaxMarks)]
	rec := &telemetry.Record{At: uint64(max(now.wall.UnixMilli(), 0)), Uptime: max(millis(now.boot), r.uptime+1),
		Devices: in.devices, Absent: in.absent, Facts: facts, Marks: marks}
	b, err := rec.Encode()
	if err != nil { // never skip a step: a record of which nothing else can be said
		rec.Devices, rec.Absent = nil, nil
		rec.Facts = []telemetry.Fact{{Name: telemetry.FactOmitted, Text: text(err.Error())}}
		if b, err = rec.Encode(); err != nil {
			r.o.Log.Error("telemetry record lost", "err", err) // times, marks and one fact always fit
			return
		}
	}
	r.pending, r.marks = nil, slices.Clone(r.marks[len(marks):])
	if len(r.open) == 0 {
		r.opened = now.running
	}
	r.open = append(r.open, rec)
	r.head, r.at, r.uptime = r.head.Append(b), rec.At, rec.Uptime
}

// mostOpen bounds a chunk by its records: a minute at ten a second.
const mostOpen = 600

// closeChunk packs the open records. It takes ten milliseconds for a minute of eight
// GPUs, and whoever makes a quote does not wait for it: r.mu is not held meanwhile.
func (r *Recorder) closeChunk() {
	r.mu.Lock()
	open, before, last, uptime := r.open, r.before, r.head, r.uptime
	r.mu.Unlock()
	if len(open) == 0 {
		return
	}
	b, err := r.pack(before, open)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open, r.before = nil, last
	if err != nil {
		// Too many for a chunk by their sizes: 600 records of 64 GPUs. They are given up, and the chain goes on.
		r.o.Log.Error("telemetry chunk lost", "records", len(open), "err", err)
		r.pending = append(r.pending, telemetry.Fact{Name: telemetry.FactDisk, Value: int64(len(open)), Text: text(err.Error())})
		return
	}
	r.recent = append(r.recent, packed{first: before.Index + 1, last: last.Index, uptime: uptime, bytes: b})
	r.forget()
	select {
	case r.disk.wake <- struct{}{}:
	default:
	}
}

// tail is the open records as a chunk, packed for whoever asked last.
type tail struct {
	sync.Mutex
	first, last uint64
	bytes       []byte
}

// pack makes a chunk of records, or returns the one it made of the same before.
func (r *Recorder) pack(before telemetry.Head, records []*telemetry.Record) ([]byte, error) {
	r.tail.Lock()
	defer r.tail.Unlock()
	first, last := before.Index+1, before.Index+uint64(len(records))
	if r.tail.bytes != nil && r.tail.first == first && r.tail.last == last {
		return r.tail.bytes, nil
	}
	c, err := telemetry.NewChunk(before, records)
	if err != nil {
		return nil, err
	}
	b, err := c.Encode()
	if err != nil {
		return nil, err
	}
	r.tail.first, r.tail.last, r.tail.bytes = first, last, b
	return b, nil
}

// forget drops chunks from memory that are older than it reaches; r.mu is held.
func (r *Recorder) forget() {
	most := millis(r.o.Memory)
	for len(r.recent) > 1 && r.recent[0].uptime+most < r.uptime {
		if !r.recent[0].stored {
			r.lost += r.recent[0].last - r.recent[0].first + 1
		}
		r.recent = r.recent[1:]
	}
}
