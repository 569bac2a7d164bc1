package honest

func throttled(w *world) {
	w.heat = w.between(.02, .9)
	w.slowed *= 1 - w.heat*w.between(.2, .6)
	w.heats += 20
	w.busy, w.spell = w.between(.5, 1), 300
}

func powerCap(w *world) {
	w.capped = w.between(.5, .95)
	w.slowed *= w.between(.7, 1)
}

// eccSwitched: boards without memory of its own for check bits (GDDR) give a sixteenth of it for them.
func eccSwitched(w *world) {
	switch w.board.Architecture {
	case "ada", "turing":
	case "ampere", "blackwell":
		if b := w.board.MemoryBusBits; b == nil || *b > 512 { // HBM has it beside
			return
		}
	default:
		return
	}
	if gb := *w.board.MemoryMiB / 1024; gb-float64(int(gb)) < .8 && *w.board.MemoryMiB < 46_100 && w.board.Model != "RTX 5090" && w.board.Model != "RTX 4090" {
		w.memory *= 16. / 15 // the row is with check bits, the board without
	} else {
		w.memory *= 15. / 16
	}
}

// eccReset: an error that could not be corrected ends in a reset of the GPU.
func eccReset(w *world) {
	w.started = w.asked - uint64(w.between(0, hour))
	if w.window > 0 {
		w.reset = 1 + w.IntN(w.window-1)
		w.sets = one(w, "", "xid", "driver")
	}
}

func overclocked(w *world) { w.overclock = w.between(1.02, 1.12) }

func mig(w *world) {
	w.sliced, w.slice = "MIG", one(w, 1./7, 2./7, 3./7)
	w.smaller()
}

func vgpu(w *world) {
	w.sliced, w.slice = "vgpu", one(w, .25, .5, 1)
	w.smaller()
}

// smaller takes a model that fits into what is left of the boards.
func (w *world) smaller() {
	if w.weights() > .8*w.gb()*float64(w.together)/float64(w.count) {
		w.model, w.format = models[0], formats[2]
	}
}

func unknownBoard(w *world) {
	w.row = nil
	w.board.Model = "board of one customer"
	w.board.MemoryGBps = ptr(w.between(300, 8000))
}

// linksOff: bridges that are not there, a partition of a fabric, a guest with a part of the boards.
func linksOff(w *world) {
	if n := w.board.NVLinks; n != nil && *n > 0 {
		w.links = ptr(w.IntN(int(*n)))
	}
}

func liquid(w *world) { w.heats = w.between(2, 15) }

func confidential(w *world) {
	w.confidential = w.board.Architecture == "hopper" || w.board.Architecture == "blackwell"
}
