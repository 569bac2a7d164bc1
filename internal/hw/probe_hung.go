package hw

import (
	"slices"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/gpu"
)

// What is done about a GPU that does not answer: after a while the probe, in which a
// thread is lost to it, is replaced by one that leaves the GPU alone, and the GPU is
// tried again later. The other GPUs lose the sweeps of a restart, no more.
const (
	hungGrace = 5 * time.Second  // a call may last that long before the probe is replaced
	initGrace = 30 * time.Second // and the first, which initialises a GPU where persistence mode is off

	minLeave = 5 * time.Second // a GPU is left alone for that long, doubled each time it hangs again
	maxLeave = 5 * time.Minute

	// maxBehind is how many processes may be left behind that were killed and do not end,
	// since the driver holds them in a sleep that no signal ends. With that many, a probe
	// with a hung GPU in it goes on: the other GPUs are served, and nothing piles up.
	maxBehind = 2
)

// hung is the GPUs that hang or did lately, by key.
type hung map[string]*hungGPU

type hungGPU struct {
	since  time.Time     // stuck since, in the process that runs; zero: it is not
	last   gpu.Stuck     // as reported last
	pause  time.Duration // how long it was left alone last; zero: never was
	until  time.Time     // left alone until
	well   time.Time     // answers since; zero: it was not asked, or hangs
	holder leaver        // killed with a call to this GPU in it; nil: none
	alias  string        // "#" and its index, if a later process could not even learn its address
}

// leaver is a *child that was told to end.
type leaver interface{ gone() bool }

// seen takes what a request reported at that time. It returns the GPU for whose sake
// the probe is to be replaced, nil for none.
func (h hung) seen(now time.Time, list []gpu.Stuck) *gpu.Stuck {
	var due *gpu.Stuck
	list = slices.Clone(list)
	for i := range list {
		list[i].Key = h.known(list[i])
		s := list[i]
		g := h[s.Key]
		if g == nil {
			g = &hungGPU{}
			h[s.Key] = g
		}
		if began := now.Add(-time.Duration(s.Millis) * time.Millisecond); g.since.IsZero() || began.Before(g.since) {
			g.since = began
		}
		g.last, g.well = s, time.Time{}
		if due == nil && now.Sub(g.since) >= grace(s.Call) {
			due = &s
		}
	}
	for key, g := range h {
		if slices.ContainsFunc(list, func(s gpu.Stuck) bool { return s.Key == key }) {
			continue
		}
		g.since = time.Time{}
		if g.left(now) {
			continue
		}
		if g.well.IsZero() {
			g.well = now
		}
		if now.Sub(g.well) >= g.pause { // well for as long as it was left alone: forgiven
			delete(h, key)
		}
	}
	return due
}

func grace(call string) time.Duration {
	if strings.HasPrefix(call, "nvmlDeviceGetHandle") {
		return initGrace
	}
	return hungGrace
}

// leave notes that the probe was killed, with these GPUs stuck in it.
func (h hung) leave(now time.Time, killed leaver) {
	for _, g := range h {
		if g.since.IsZero() {
			continue
		}
		g.pause = min(max(2*g.pause, minLeave), maxLeave)
		g.since, g.until, g.holder = time.Time{}, now.Add(g.pause), killed
	}
}

// fresh notes that another process runs, whatever became of the one before: nothing
// is stuck in it.
func (h hung) fresh() {
	for _, g := range h {
		g.since = time.Time{}
	}
}

// left reports whether g is left alone at that time: its pause lasts, or a process
// still hangs in it, and a second one would, too.
func (g *hungGPU) left(now time.Time) bool {
	if g.holder != nil && g.holder.gone() {
		g.holder = nil
	}
	return now.Before(g.until) || g.holder != nil
}

// skip lists the GPUs that are left alone at that time, sorted.
func (h hung) skip(now time.Time) []string {
	var out []string
	for key, g := range h {
		if g.left(now) {
			if out = append(out, key); g.alias != "" {
				out = append(out, g.alias)
			}
		}
	}
	slices.Sort(out)
	return out[:min(len(out), gpu.MaxDevices)]
}
