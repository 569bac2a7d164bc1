package honest

import "github.com/hallmark-attest/hallmark/verify/rules"

// clockwork is when things happened, ms since the Unix epoch by the validator's clock.
type clockwork struct {
	started, asked, answered, sent uint64
	skew                           int64 // of the node's clock
	set                            int64 // by how much it was set while the claims were made
}

const (
	today  = 1_760_000_000_000
	minute = 60_000
	hour   = 60 * minute
	day    = 24 * hour
)

func (w *world) times() {
	w.asked = today + uint64(w.between(0, day))
	w.answered = w.asked + uint64(w.between(20_000, 10*minute))
	if w.watch(); w.window > 0 && w.during {
		w.answered = w.asked + uint64(w.window*1000/2)
	}
	w.sent = w.answered + uint64(w.between(500, minute))
	if w.chance(.3) {
		w.sent = w.answered + uint64(w.between(minute, 6*hour))
	}
	if w.window > 0 && w.during {
		w.sent = max(w.asked+uint64(w.window)*1000, w.answered+500)
	}
	if w.window > 0 && !w.during { // the window lies behind the questions
		w.sent = max(w.sent, w.answered+uint64(w.window+5)*1000)
	}
	w.started = w.asked - uint64(w.between(minute, 20*day))
	w.skew = int64(40 * w.NormFloat64()) // NTP
	w.pasts()
}

// nodeTime is what the node's clock shows.
func (w *world) nodeTime(at uint64) uint64 { return uint64(int64(at) + w.skew) }

// since is the latest start of the engine, as package verify counts it: back from the arrival, by how long it ran on the node's own clock.
func (w *world) since(e *rules.Engine, received uint64) {
	obtained, started := w.nodeTime(w.sent+100), w.nodeTime(w.started)/1000*1000 // kernels state whole seconds
	if w.set != 0 {                                                              // the clock was set, and the start of the kernel's clock with it, or not yet
		started = uint64(int64(started) + w.set)
	}
	if obtained >= started {
		e.Since = received - (obtained - started)
	}
}
