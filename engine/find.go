package engine

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// maxWalks is how many walks over all processes one Collect makes at most:
	// where processes come and go faster than they are read, another does not help.
	maxWalks = 2

	walkEvery = 4 * time.Second // of Run: a walk that takes less than a second is never missed
	idleAfter = time.Minute     // without a Collect, Run walks no more
)

// asked is what Run keeps at hand: the endpoints of the last Collect, forwarders' too.
type asked struct {
	at   time.Time
	list []endpoint
}

// Run works in the background until ctx ends. It takes the census of models that
// Collect has found complete; without it that stays absent. And it walks over all
// processes, so that Collect need not: there Collect is as right without it, and
// slower once in five seconds. While nobody calls Collect it does nothing.
func (c *Collector) Run(ctx context.Context) error {
	var counting sync.WaitGroup
	counting.Go(func() { c.counts.run(ctx) })
	defer counting.Wait()
	tick := time.NewTicker(walkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		c.walkAhead(ctx)
	}
}

// walkAhead takes a snapshot for the next Collect. One that cannot be taken is
// left to Collect, which states why.
func (c *Collector) walkAhead(ctx context.Context) {
	last := c.asked.Load()
	if last == nil || c.now().Sub(last.at) > idleAfter {
		return
	}
	s, err := takeSnapshot(ctx, c.fs, c.now)
	if err != nil {
		return
	}
	for _, e := range last.list {
		if _, complete, err := s.resolve(ctx, e); err != nil || !complete {
			delete(s.places, e.key())
		}
	}
	c.ahead.Store(s)
}

// current brings the process table up to date, by a walk if the last one is too
// old. It needs the turn.
func (c *Collector) current(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s := c.ahead.Swap(nil); s != nil && (c.snap == nil || !s.at.Before(c.snap.at)) {
		c.snap = s
	}
	if c.snap != nil {
		age := c.now().Sub(c.snap.at)
		if age >= 0 && age <= maxAge && c.snap.update() == nil {
			return nil
		}
	}
	return c.walk(ctx)
}

// walk reads the whole process table anew.
func (c *Collector) walk(ctx context.Context) (err error) {
	c.snap, err = takeSnapshot(ctx, c.fs, c.now)
	return err
}

var errWalks = errors.New("processes change faster than they can be read")

// rewalk walks because something is not as the table says.
func (w *collecting) rewalk() error {
	if w.walks >= maxWalks {
		return errWalks
	}
	w.walks++
	s, err := takeSnapshot(w.ctx, w.fs, w.now)
	if err == nil {
		w.snap = s
		clear(w.maps) // a process id may be another process's now
		clear(w.commands)
	}
	return err
}

// find returns where an endpoint listens. What was found before is looked at
// again; if any of it changed, everything is read anew at once. An endpoint at
// which nothing listened, or nobody was found, is always looked up.
func (w *collecting) find(e endpoint) (*place, error) {
	w.looked = append(w.looked, e)
	if p := w.snap.places[e.key()]; p != nil && len(w.snap.holdersOf(p.found)) > 0 {
		if w.stands(p) {
			return p, nil
		}
		if err := w.rewalk(); err != nil && !errors.Is(err, errWalks) {
			return nil, err
		}
	}
	for {
		p, complete, err := w.snap.resolve(w.ctx, e)
		if err != nil || complete && w.stands(p) {
			return p, err
		}
		if err := w.rewalk(); errors.Is(err, errWalks) {
			w.snap.giveUp(p)
			return p, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// stands reports whether all that the place rests on is as it was: each socket
// is held by the same descriptors of the same processes. A socket that is still held
// still has its address, and a process whose parent ended has another, so that of
// a single holder's ancestors only those matter through which launcher climbs.
func (w *collecting) stands(p *place) bool {
	s := w.snap
	for _, f := range p.found {
		for _, h := range s.holders[f.Inode] {
			if !s.fs.HoldsSocket(h.pid, h.fd, f.Inode) || !s.unchanged(h.pid) {
				return false
			}
		}
	}
	pids := s.holdersOf(p.found)
	looked := map[int]bool{}
	for _, pid := range pids {
		above := s.ancestors(pid) // by these the root is chosen among several
		if len(pids) == 1 {
			above = w.launchers(pid)
		}
		for _, up := range above {
			if _, listed := s.stats[up]; listed && !looked[up] && !s.unchanged(up) {
				return false
			}
			looked[up] = true
		}
	}
	return true
}

// descendants returns the process tree below root, each process looked at now.
// ok is false if the root is not the process it was.
func (w *collecting) descendants(root int) (pids []int, more int, ok bool) {
	start := w.snap.stats[root].StartTicks
	pids, more = w.snap.tree(root)
	for _, pid := range pids {
		if w.snap.unchanged(pid) {
			continue
		}
		if w.rewalk() == nil {
			pids, more = w.snap.tree(root)
		}
		break
	}
	st, listed := w.snap.stats[root]
	return pids, more, listed && st.StartTicks == start
}
