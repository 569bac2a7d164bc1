package honest

import (
	"math"

	"github.com/hallmark-attest/hallmark/verify/rules"
)

// service is the model, the engine and what its operator states.
type service struct {
	model       model
	format      format
	together    int    // GPUs that compute one answer
	tensor      uint64 // as declared
	speculation *uint64
	depth       int     // draft tokens of a step, truly
	accepted    float64 // of them
	alone       bool
	endpoint    string
	named       bool // the results name it
	repacked    string
	packed      float64 // bits of a weight in memory over those in the files
	adapted     string
	offloaded   float64 // part of the layers on the host
	hidden      bool    // processes are not seen
	pooled      bool    // takes most of the memory for keys and values
	reference   string
	uncounted   bool // headers of the weights, or experts of a token, are not known
	comparable  bool
	open        bool // all is stated
	serving
}

type model struct {
	name           string
	billions, used float64 // parameters, and of them those that a token uses
	looked         float64 // part of them that are input embeddings
}

var models = []model{
	{"qwen2.5-0.5b", .49, .49, 0}, {"llama-3.2-1b", 1.24, 1.24, 0}, {"llama-3.2-3b", 3.21, 3.21, 0}, {"mistral-7b", 7.25, 7.25, .02}, {"qwen2.5-7b", 7.62, 7.62, .07}, {"llama-3.1-8b", 8.03, 8.03, .065},
	{"gemma-2-9b", 9.24, 9.24, 0}, {"qwen2.5-14b", 14.8, 14.8, .05}, {"qwen3-30b-a3b", 30.5, 3.3, .09}, {"qwen2.5-32b", 32.8, 32.8, .024}, {"mixtral-8x7b", 46.7, 12.9, .01}, {"llama-3.1-70b", 70.6, 70.6, .015},
}

// format is how weights are kept: bits of most of them, and of all together on average.
type format struct {
	name        string
	least, mean float64
	below       float64 // permille below the declared bits
	recipe      float64 // and as many as the recipe allows
}

var formats = []format{{"bf16", 16, 16, 0, 50}, {"bf16", 16, 16, 0, 50}, {"fp8", 8, 8.4, 0, 50}, {"int4", 4, 4.8, 0, 50}, {"q4_k_m", 4.5, 4.85, 0, 50}, {"q8_0", 8.5, 8.5, 0, 50}, {"q5_k_m", 5.5, 5.7, 30, 120}}

// loads picks a model that fits, or the smallest.
func (w *world) loads() {
	w.reference = one(w, rules.Matches, rules.Matches, rules.Matches, rules.Matches, rules.Unknown, rules.Different)
	for range 20 {
		w.model, w.format = one(w, models...), one(w, formats...)
		if w.weights() < .8*w.gb() {
			break
		}
		w.model, w.format = models[0], formats[3]
	}
	w.comparable, w.packed = w.chance(.9), 1
	w.uncounted, w.hidden, w.pooled = w.chance(.08), w.chance(.3), w.chance(.7)
	for w.together = 1; w.together < w.count && (w.weights() > .75*w.gb()*float64(w.together)/float64(w.count) || w.chance(.5)); w.together *= 2 {
	}
	w.together = min(w.together, w.count)
	if w.chance(.7) {
		w.tensor = uint64(w.together)
	}
	w.alone = w.chance(.7)
	if w.endpoint = "https://node.example/v1"; w.chance(.7) {
		w.speculation = ptr(uint64(0))
	}
	if w.named = w.chance(.9); w.chance(.4) { // an operator who states all there is
		w.open = true
		w.tensor, w.alone, w.speculation, w.named, w.uncounted, w.comparable, w.hidden = uint64(w.together), true, ptr(uint64(0)), true, false, true, false
	}
}

// weights are those of the files, 1e9 bytes.
func (w *world) weights() float64 { return w.model.billions * w.format.mean / 8 }

func (w *world) engineInput(received uint64) rules.Engine {
	e := rules.Engine{Name: "main", From: claim(w, "engine"), Public: []string{w.endpoint + "/"}, Repacked: w.repacked, Adapted: w.adapted,
		Declared:  rules.Declared{Model: w.model.name, Precision: w.format.name, TensorParallel: w.tensor, Speculation: w.speculation, Alone: w.alone},
		Precision: &rules.Precision{BelowPermille: math.Floor(w.format.below * w.between(0, 3)), LimitPermille: w.format.recipe, Comparable: w.comparable, Why: "by the headers"},
		Model:     &rules.ModelFacts{Reference: w.reference, WeightBytes: w.weights() * 1e9, ActiveWhy: "how many experts a token uses is not known"}}
	w.since(&e, received)
	if !w.uncounted {
		e.Model.ActiveBytes = ptr(w.model.used * 1e9 * w.format.least / 8)
		sure := .9 * w.model.used * (1 - w.model.looked) * 1e9 // as the census counts it
		e.Model.LeastParameters, e.Model.LeastBytes = &sure, ptr(sure*min(w.format.least, 4)/8)
	}
	if w.hidden {
		e.HeldWhy = "no process of the engine is among those on the GPUs"
		return e
	}
	held := w.weights() * w.packed * (1 - w.offloaded) * w.between(1.03, 1.3)
	if w.pooled {
		held = max(held, w.between(.8, .93)*w.gb()*float64(w.together)/float64(w.count))
	}
	e.Held = ptr(uint64(held * 1e9))
	for i := range w.together {
		e.GPUs = append(e.GPUs, w.key(i))
	}
	return e
}
