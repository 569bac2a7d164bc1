package main

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// shot is gpu.Library for one snapshot. All GPUs are read at the same time, each by
// a goroutine of its own; one that does not return in time is absent, with its
// address if that was learnt before, and the others are whole.
type shot struct {
	*library
	ctx   context.Context
	skip  []string
	parts []*part
}

var _ gpu.Library = (*shot)(nil)

// part is what one GPU gave. It is read once done is closed, and else never.
type part struct {
	done         <-chan struct{}
	err          error // why there is nothing
	identity     gpu.Identity
	state        gpu.State
	interconnect gpu.Interconnect
	processes    []gpu.Process
	errs         [4]error
}

// snapshot reads everything, once.
func (l *library) snapshot(p gpu.SnapshotParams) (*gpu.Claims, error) {
	if err := l.start(); err != nil {
		return nil, err
	}
	ctx, cancel := within(p.BudgetMillis) // initialising the driver takes what it takes
	defer cancel()
	return gpu.Snapshot(&shot{library: l, ctx: ctx, skip: p.Skip}, time.Now)
}

// Count takes the handles, anew for each snapshot, and begins to read.
func (s *shot) Count() (int, error) {
	if err := s.census(s.ctx, true, s.skip); err != nil {
		return 0, err
	}
	s.parts = make([]*part, len(s.devices))
	for i, h := range s.devices {
		p := &part{}
		s.parts[i] = p
		_, p.err = h.open(s.skip)
		if p.err != nil {
			continue
		}
		p.done = h.lane.start(func() {
			p.identity, p.errs[0] = s.identity(h)
			p.state, p.errs[1] = s.state(h)
			p.interconnect, p.errs[2] = s.interconnect(h)
			p.processes, p.errs[3] = s.library.processes(h)
		})
	}
	return s.total, nil
}

// part waits for what GPU i gives.
func (s *shot) part(i int) (*part, error) {
	p := s.parts[i]
	if p.err == nil && !in(s.ctx, p.done) {
		_, p.err = s.devices[i].stuck() // and it stays so, if it answers yet: one GPU, one answer
	}
	return p, p.err
}

func (s *shot) Identity(i int) (gpu.Identity, error) {
	p, err := s.part(i)
	if err != nil {
		h := s.devices[i]
		if h.pci == nil {
			return gpu.Identity{}, err
		}
		return gpu.Identity{PCI: h.pci}, err
	}
	return p.identity, p.errs[0]
}

func (s *shot) State(i int) (gpu.State, error) {
	p, err := s.part(i)
	if err != nil {
		return gpu.State{}, err
	}
	return p.state, p.errs[1]
}

func (s *shot) Interconnect(i int) (gpu.Interconnect, error) {
	p, err := s.part(i)
	if err != nil {
		return gpu.Interconnect{}, err
	}
	return p.interconnect, p.errs[2]
}

func (s *shot) Processes(i int) ([]gpu.Process, error) {
	p, err := s.part(i)
	if err != nil {
		return nil, err
	}
	return p.processes, p.errs[3]
}

// Pair reads the way between two GPUs in the lane of the first.
func (s *shot) Pair(i, j int) (common, nvlink *string, err error) {
	for _, k := range []int{i, j} {
		if err := s.parts[k].err; err != nil {
			return nil, nil, untimed(err)
		}
	}
	h, other := s.devices[i], s.devices[j]
	var c, n *string
	var e error
	done := h.lane.start(func() { c, n, e = s.pair(h, other) })
	if done == nil || !in(s.ctx, done) {
		return nil, nil, errHung
	}
	return c, n, e
}

// errHung is what is said of a pair with a GPU that hangs. It tells no time, so that
// the pairs of one GPU fold into one line.
var errHung = absent(attest.Timeout, "one of the two GPUs does not answer")

func untimed(err error) error {
	if gpu.AsAbsence(err).Reason == attest.Timeout {
		return errHung
	}
	return err
}
