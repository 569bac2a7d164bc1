package main

import (
	"cmp"
	"context"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// maxXids is how many facts a sweep may hold; the agent has some of its own to add.
const maxXids = telemetry.MaxFacts - 16

// job is one reading in progress. The reading is looked at once done is closed.
type job struct {
	done    <-chan struct{}
	reading *reading
}

// turn is what a sweep has of one GPU: a reading in progress, or why there is none.
// That is asked once. A GPU that comes back while others are read would else be
// neither read nor absent.
type turn struct {
	*handle
	reads *job
	stuck *gpu.Stuck
	err   error
}

// sweep reads all GPUs at the same time. Whatever one of them does, the others'
// values are in the answer, and the answer comes within the budget.
func (l *library) sweep(p gpu.SweepParams) (*gpu.Sweep, error) {
	if err := l.start(); err != nil {
		return nil, err
	}
	ctx, cancel := within(p.BudgetMillis) // initialising the driver takes what it takes
	defer cancel()
	if err := l.census(ctx, p.Minute, p.Skip); err != nil {
		return nil, err
	}
	if len(l.devices) == 0 {
		l.devices = nil // one may be plugged in: count again next time
		return nil, absent(attest.NotPresent, "no NVIDIA device")
	}
	s := &gpu.Sweep{Devices: []telemetry.Device{}}
	var none []attest.Absence
	for _, key := range p.Skip {
		none = append(none, gone(key, errSkipped))
	}
	turns := make([]turn, len(l.devices))
	for i, h := range l.devices {
		s.Facts = append(s.Facts, h.missed()...)
		turns[i] = l.begin(h, p)
	}
	for _, t := range turns {
		none = append(none, t.end(ctx, s)...)
	}
	if l.total > gpu.MaxDevices {
		none = append(none, attest.Absent("gpu", attest.Oversize, "%d GPUs, the first %d are listed", l.total, gpu.MaxDevices))
	}
	if over := len(s.Facts) - maxXids; over > 0 {
		s.Facts = s.Facts[:maxXids]
		none = append(none, attest.Absent("xid", attest.Oversize, "%d Xid errors in one sweep, the first %d are listed", maxXids+over, maxXids))
	}
	slices.SortFunc(s.Devices, func(a, b telemetry.Device) int { return cmp.Compare(a.Key, b.Key) })
	s.Absent = gpu.Fold(none)
	return s, s.Check()
}

// begin starts to read h, unless it may not be asked.
func (l *library) begin(h *handle, p gpu.SweepParams) turn {
	t := turn{handle: h}
	if slices.Contains(p.Skip, h.key) {
		return t // stated already, as all that are to be left alone
	}
	if t.stuck, t.err = h.open(p.Skip); t.err != nil {
		return t
	}
	r := &reading{asker: asker{library: l, handle: h}, watch: h.watch, minute: p.Minute}
	if done := h.lane.start(r.read); done != nil {
		t.reads = &job{done: done, reading: r}
	} else {
		t.stuck, t.err = h.stuck()
	}
	return t
}

// end waits for the GPU, puts what came into s and returns what did not.
func (t turn) end(ctx context.Context, s *gpu.Sweep) []attest.Absence {
	if t.reads != nil {
		if in(ctx, t.reads.done) {
			d, none := t.reads.reading.result()
			if d != nil {
				s.Devices = append(s.Devices, *d)
			}
			s.Facts = append(s.Facts, t.reads.reading.facts...)
			return none
		}
		t.handle.job = t.reads
		t.stuck, t.err = t.handle.stuck()
	}
	if t.stuck != nil {
		s.Stuck = append(s.Stuck, *t.stuck)
	}
	if t.err == nil {
		return nil
	}
	return []attest.Absence{gone(t.key, t.err)}
}

// gone is the absence of a whole GPU.
func gone(key string, err error) attest.Absence {
	a := gpu.AsAbsence(err)
	a.What = "gpu[" + key + "]"
	return a
}

// missed returns the events of a reading that came back after its sweep had been
// answered. Its values are old by now; an Xid error is told late rather than never.
func (h *handle) missed() []telemetry.Fact {
	if h.job == nil {
		return nil
	}
	select {
	case <-h.job.done:
		facts := h.job.reading.facts
		h.job = nil
		return facts
	default:
		return nil
	}
}

// result is what the reading gave: a GPU's values and absences, or the absence of
// the whole GPU if it gave nothing because it is lost.
func (r *reading) result() (*telemetry.Device, []attest.Absence) {
	if dead := nvml.Return(r.handle.dead.Load()); dead != nvml.SUCCESS && len(r.got) == 0 && r.processes == nil {
		return nil, []attest.Absence{gone(r.handle.key, failure(dead))}
	}
	d := &telemetry.Device{Key: r.handle.key, Processes: r.processes}
	slices.SortFunc(r.got, func(a, b got) int { return cmp.Compare(a.field, b.field) })
	for _, g := range r.got {
		d.Values.Set(g.field, g.value)
	}
	for i := range r.absent {
		r.absent[i].What = "gpu[" + d.Key + "]." + r.absent[i].What
	}
	return d, r.absent
}
