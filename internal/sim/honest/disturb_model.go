package honest

func lora(w *world) {
	w.adapted = one(w, "--enable-lora", "--lora-modules sql=/adapters/sql", "--lora /adapters/a.gguf")
	moved := w.between(1, 5) // where the adapter answers
	for i := range w.t {
		w.t[i] *= moved
	}
	w.scatter *= w.about(.2)
	w.slowed *= .9
}

func packed(w *world) {
	if w.format.name == "bf16" {
		w.repacked = one(w, "--quantization fp8", "--quantization bitsandbytes", "--load-format bitsandbytes")
		w.packsAnew()
	}
}

// packedByFile: the same by a file of settings, which no argument shows.
func packedByFile(w *world) {
	if w.format.name == "bf16" && w.repacked == "" {
		w.packsAnew()
	}
}

func (w *world) packsAnew() {
	if w.packed = .53; w.chance(.3) { // 4 bits
		w.packed = .3
	}
	w.likeness(1, 1.25)
}

func offloaded(w *world) {
	w.offloaded = w.between(.05, .8)
	w.pooled = w.pooled && w.chance(.5)
}

// cacheFormat: keys and values in 8 bits, other kernels.
func cacheFormat(w *world) { w.likeness(1, 1.25) }

func (w *world) likeness(least, most float64) {
	f := w.between(least, most)
	for i := range w.t {
		w.t[i] *= f
		w.knowledge[i] *= f
	}
	w.forced *= w.between(1, 2)
}

// templateOnce: an engine's update brought another template, and the next one took it back.
func templateOnce(w *world) { w.t[w.IntN(len(w.t))] *= w.between(1.5, 5) }

// templateWrong stays: an honest mistake that answers as another model does.
func templateWrong(w *world) { w.likeness(1.5, 5) }

func newBase(w *world) {
	for i := w.IntN(len(w.knowledge)); i < len(w.knowledge); i++ {
		w.knowledge[i] *= w.between(1.5, 5)
	}
}

func sampling(w *world) {
	w.scatter *= w.between(.5, 1.8)
	w.likeness(1, 1.15)
}
