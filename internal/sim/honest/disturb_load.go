package honest

import "math"

// load: others' requests fill the batch, and stand before ours.
func load(w *world) {
	w.slowed *= w.between(.1, .8)
	w.queue += 100 * w.about(1)
	w.busy, w.spell = w.between(.7, 1), 300
	w.shift += .1 * w.NormFloat64() // with the hour
}

func longContext(w *world) {
	w.prompt = math.Floor(w.between(8_000, 64_000))
	w.slowed *= w.between(.3, .9)
}

// speculates: drafts as declared; a part of them is accepted.
func speculates(w *world) {
	w.depth = 1 + w.IntN(8)
	w.speculation = ptr(uint64(w.depth))
	w.accepted = float64(w.depth) * w.between(.3, .9)
	w.bursts = w.between(.1, .7)
}

func speculatesUnsaid(w *world) {
	speculates(w)
	w.speculation = nil
}

func gateway(w *world) {
	w.buffered = true
	w.network += w.between(5, 200)
	w.bursts = w.between(.3, .99)
}

// joins: some events come several at once.
func joins(w *world) { w.bursts = max(w.bursts, w.between(.02, .4)) }

// kept: answers to prompts that were asked before come from a cache.
func kept(w *world) {
	if !w.new {
		w.scatter, w.slowed, w.queue = w.between(.02, .9), w.slowed*w.between(1, 50), 1
	}
}

// pool: others answer at the same address, and the operator does not say otherwise.
func pool(w *world) {
	w.alone = false
	w.slowed *= w.between(.5, 4)
}

// group: other hosts hold a part of the model.
func group(w *world) {
	w.tensor = uint64(w.count * (2 + w.IntN(3)))
	w.slowed *= w.between(1, 2.5)
	if w.chance(.5) {
		w.model = models[len(models)-1]
	}
}
