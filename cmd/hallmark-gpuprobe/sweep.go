package main

import (
	"cmp"
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
	begun := make([]*job, len(l.devices))
	for i, h := range l.devices {
		s.Facts = append(s.Facts, h.missed()...)
		if h.open(p.Skip) == nil {
			r := &reading{asker: asker{library: l, handle: h}, watch: h.watch, minute: p.Minute}
			begun[i] = &job{done: h.lane.start(r.read), reading: r}
		}
	}
	for i, h := range l.devices {
		switch err := h.open(p.Skip); {
		case begun[i] != nil && in(ctx, begun[i].done):
			d, a := begun[i].reading.result()
			if a = append(none, a...); d != nil {
				s.Devices = append(s.Devices, *d)
			}
			none = a
			s.Facts = append(s.Facts, begun[i].reading.facts...)
		case begun[i] != nil || err != nil && err != h.err && err != errSkipped:
			if begun[i] != nil {
				h.job = begun[i]
			}
			stuck, err := h.stuck()
			s.Stuck, none = append(s.Stuck, stuck), append(none, gone(h.key, err))
		case err != nil && err != errSkipped:
			none = append(none, gone(h.key, err))
		}
	}
	if l.total > gpu.MaxDevices {
		none = append(none, attest.Absent("gpu", attest.Oversize, "%d GPUs, the first %d are listed", l.total, gpu.MaxDevices))
	}
	if over := len(s.Facts) - maxXids; over > 0 {
		s.Facts = s.Facts[:maxXids]
		none = append(none, attest.Absent("xid", attest.Oversize, "more than %d Xid errors in one sweep", maxXids))
	}
	slices.SortFunc(s.Devices, func(a, b telemetry.Device) int { return cmp.Compare(a.Key, b.Key) })
	s.Absent = gpu.Fold(none)
	return s, s.Check()
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
