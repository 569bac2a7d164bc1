package recorder

import (
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// record steps the chain.
func (r *Recorder) record(in reading) {
	now := r.o.Clock.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	facts, missed := r.watch.facts(now)
	r.missed += missed
	facts = append(append(r.pending, facts...), in.facts...)
	if over := len(facts) - telemetry.MaxFacts; over > 0 {
		facts = append(facts[:telemetry.MaxFacts-1], telemetry.Fact{Name: telemetry.FactOmitted, Value: int64(over + 1)})
	}
	rec := &telemetry.Record{At: uint64(max(now.wall.UnixMilli(), 0)), Uptime: max(millis(now.boot), r.uptime+1),
		Devices: in.devices, Absent: in.absent, Facts: facts, Marks: r.marks}
	b, err := rec.Encode()
	if err != nil { // never skip a step: a record of which nothing else can be said
		rec.Devices, rec.Absent = nil, nil
		rec.Facts = []telemetry.Fact{{Name: telemetry.FactOmitted, Text: text(err.Error())}}
		if b, err = rec.Encode(); err != nil {
			r.o.Log.Error("telemetry record lost", "err", err) // times, marks and one fact always fit
			return
		}
	}
	if rec.Devices == nil {
		rec.Devices = []telemetry.Device{}
	}
	r.pending, r.marks = nil, nil
	if len(r.open) == 0 {
		r.opened = now.running
	}
	r.open = append(r.open, rec)
	r.head, r.at, r.uptime = r.head.Append(b), rec.At, rec.Uptime
	if now.running-r.opened >= r.o.Minute-r.o.Interval/2 || len(r.open) >= mostOpen {
		r.closeChunk()
	}
}

// mostOpen bounds a chunk by its records: a minute at ten a second.
const mostOpen = 600

// closeChunk packs the open records. r.mu is held: packing a minute of eight GPUs takes
// ten milliseconds, once a minute.
func (r *Recorder) closeChunk() {
	if len(r.open) == 0 {
		return
	}
	b := r.pack()
	if b == nil {
		return
	}
	r.recent = append(r.recent, packed{first: r.before.Index + 1, last: r.head.Index, uptime: r.uptime, bytes: b})
	r.open, r.before, r.tail = nil, r.head, nil
	r.forget()
	select {
	case r.disk.wake <- struct{}{}:
	default:
	}
}

// pack makes a chunk of the open records; r.mu is held. Records that are too many for a
// chunk are so by their sizes: 600 of 64 GPUs. They are given up then, and the chain goes on.
func (r *Recorder) pack() []byte {
	if r.tail != nil && r.tailAt == r.head.Index {
		return r.tail
	}
	c, err := telemetry.NewChunk(r.before, r.open)
	var b []byte
	if err == nil {
		b, err = c.Encode()
	}
	if err != nil {
		r.o.Log.Error("telemetry chunk lost", "records", len(r.open), "err", err)
		r.pending = append(r.pending, telemetry.Fact{Name: telemetry.FactDisk, Value: int64(len(r.open)), Text: text(err.Error())})
		r.open, r.before, r.tail = nil, r.head, nil
		return nil
	}
	r.tail, r.tailAt = b, r.head.Index
	return b
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
