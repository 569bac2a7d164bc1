package honest

import (
	"fmt"
	"math"
	"slices"

	"github.com/hallmark-attest/hallmark/stats"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// serving is how the node answers, and what of it the validator measures.
type serving struct {
	bandwidthUsed, arithmeticUsed float64 // parts of what the boards can do
	slowed                        float64 // factor on rates: load, heat, long contexts
	queue, network                float64 // ms before the first token
	buffered                      bool    // a gateway that sends whole answers
	bursts                        float64 // part of the tokens that come together
	prompt                        float64 // tokens
	new                           bool    // prompts that nobody has seen
	t                             [3]float64
	knowledge                     [3]float64
	asksKnowledge                 bool
	scatter, temperature, shift   float64
	challengeP                    float64
	compared                      stats.ReferenceKind
	epochs                        int // that have results
	foreign                       bool
	tokens                        float64
	forced                        float64 // nat
}

// same is T of two runs of one model (docs/statistics.md, "Error rates"): mean 0.90 to 0.96, one in a thousand above
// 1.35 to 1.71, the highest of 56,400 at 2.2; on real answers up to 1.13. A node has its own kernels and batch sizes.
func (w *world) same() (t [3]float64) {
	node := .92 * w.about(.07)
	for i := range t {
		spread := .13
		if w.chance(.02) {
			spread = .25
		}
		t[i] = node * w.about(spread)
	}
	return t
}

func (w *world) serves() {
	w.bandwidthUsed, w.arithmeticUsed = w.between(.3, .85), w.between(.15, .65)
	w.slowed = w.between(.6, 1) // others ask as well
	w.queue, w.network = 5*w.about(1), 20*w.about(.8)
	w.prompt, w.new = one(w, 256.0, 512, 1024, 2048), w.open || w.chance(.7)
	w.t, w.knowledge, w.asksKnowledge = w.same(), w.same(), w.chance(.3)
	w.scatter, w.temperature = .99*w.about(.07), one(w, .7, .7, 1, 0)
	w.bursts = w.between(0, .03)
	w.shift, w.challengeP = .03*w.NormFloat64(), w.Float64()
	w.compared = one(w, stats.Anchor, stats.Anchor, stats.Replay, stats.Golden, stats.Peers)
	w.epochs = one(w, 3, 3, 3, 3, 2, 1)
	w.foreign = w.chance(.03)
	w.tokens = math.Floor(w.between(5_000, 100_000))
	w.forced = w.between(.005, .06) // two kernels or batch sizes
}

// rate is tokens a second of one stream: the GPUs that compute it read the weights, without the input embeddings, once a step.
func (w *world) rate() float64 {
	scaling := math.Pow(float64(w.together), -w.between(.05, .4))
	gbps := *w.board.MemoryGBps * w.overclock * w.slice * float64(w.together) * scaling * w.bandwidthUsed
	if w.offloaded > 0 {
		gbps = 1 / ((1-w.offloaded)/gbps + w.offloaded/w.between(30, 300)) // one after the other
	}
	gb := w.model.used * (1 - w.model.looked) * w.format.mean / 8 * w.packed
	steps := min(gbps/gb, 1000/w.between(2, 6)) // a step has launches and samplers
	return steps * (1 + w.accepted) * w.slowed
}

// prefill is the time for a prompt and one token, ms.
func (w *world) prefill() float64 {
	flops := *w.board.DenseTFLOPs * 1e12 * w.slice * float64(w.together) * w.arithmeticUsed * w.slowed
	return 1000*2*w.model.used*1e9*w.prompt/flops + 1000/w.rate()*(1+w.accepted)
}

func (w *world) results() (out []rules.Stat) {
	for i := range w.epochs {
		back := uint64(w.epochs - 1 - i)
		epoch := stats.Epoch{ID: fmt.Sprintf("e%d", i+1), StartMS: w.asked - back*day, EndMS: w.answered - back*day}
		add := func(m stats.MethodName, set stats.Set, values map[string]float64) *stats.Result {
			r := &stats.Result{Schema: stats.Schema, Method: stats.Method{Name: m}, Subject: stats.Subject{NodeID: "n", ModelRef: w.model.name}, Epoch: epoch, Decision: stats.Inlier,
				Reference: stats.Reference{Kind: w.compared, N: 100},
				Sample:    stats.Sample{Set: set, Questions: 20, Repeats: 10, Tokens: int(w.tokens), Sampling: &stats.Sampling{Temperature: &w.temperature, UniquePrompts: w.new}}}
			if w.named {
				r.Subject.Endpoint = w.endpoint
			}
			for _, name := range names {
				if v, ok := values[name]; ok {
					s := stats.New(name)
					s.Value = &v
					r.Stats = append(r.Stats, s)
				}
			}
			out = append(out, rules.Stat{Result: r, Own: !w.foreign, From: rules.Source{Name: "stat-result " + string(m) + " of " + epoch.ID, By: rules.Validator}})
			return r
		}
		score := add(stats.EmbeddingScore, stats.General, map[string]float64{"t": w.t[i]})
		if w.chance(.03) { // answers that did not come
			score.Decision = stats.Inconclusive
		}
		if w.asksKnowledge {
			add(stats.EmbeddingScore, stats.Knowledge, map[string]float64{"t": w.knowledge[i]}).Decision = one(w, stats.Inconclusive, stats.Outlier)
		}
		add(stats.EnergyDistance, stats.General, map[string]float64{"scatter_ratio": w.scatter * w.about(.05)})
		add(stats.ForcedChallenge, "", map[string]float64{"dlogprob": w.forced * w.about(.2)})
		w.latency(add)
	}
	return out
}

var names = slices.Sorted(slices.Values([]string{"t", "scatter_ratio", "dlogprob", "e2e_rate", "prefill_ms", "prefill_tokens", "itl_low_share", "challenge_shift", "challenge_p"}))

func (w *world) latency(add func(stats.MethodName, stats.Set, map[string]float64) *stats.Result) {
	rate, prefill := w.rate()*w.about(.05), w.prefill()
	wait := w.queue + w.network
	first, length := wait+prefill*w.between(.1, 1), 64+w.between(0, 400)
	total := first + 1000*length/rate
	stream := rate
	if w.buffered { // the stream begins when the answer is whole
		first, stream = total, rate*w.between(1, 200)
	}
	r := add(stats.LatencyMethod, "", map[string]float64{"e2e_rate": 1000 * length / total, "prefill_ms": wait + prefill, "prefill_tokens": w.prompt, "itl_low_share": w.bursts,
		"challenge_shift": w.shift, "challenge_p": w.challengeP})
	r.Latency = &stats.Latency{TTFT: &stats.Summary{P50: first, P95: first * 2, N: 200}, ITL: &stats.Summary{P50: 1000 / stream, P95: 2000 / stream, N: 200},
		TokensPerSecond: &stats.Summary{P50: stream, P95: stream * 1.1, N: 200}}
}
