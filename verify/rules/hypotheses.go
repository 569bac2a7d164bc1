package rules

import (
	"cmp"
	"math"
	"slices"
)

// Hypothesis is one explanation of what was seen.
type Hypothesis struct {
	Name     string   `json:"name"`
	Sentence string   `json:"sentence"`
	Honest   string   `json:"honest"` // an honest cause of the same signs
	Score    float64  `json:"score"`  // weights explained less weights not explained; no probability
	For      []string `json:"for"`    // violated rules that it explains
	Against  []string `json:"against"`
	// Shown are violations that weigh nothing, for want of a calibrated limit, and that it would explain.
	Shown []string `json:"shown"`

	explains []sign
}

// sign is what a rule shows where a hypothesis holds: a violation of one of its parts, of any part where none is named.
// A core sign is one that must then be violated: a pass of it speaks against.
type sign struct {
	rule, part string
	core       bool
}

func (s sign) is(o *Outcome) bool { return s.rule == o.ID && (s.part == "" || s.part == o.Part) }

// contradictionWeight is what a contradiction counts for in the order of hypotheses: more than six heuristics at their most.
const contradictionWeight = 20

// capacityWeight is what a violation about capacity counts for in the order: it never weighs in the score.
const capacityWeight = 0.5

// markWeight is added where a rule is the mark of a hypothesis: of two that explain the same, that one is meant.
const markWeight = 0.25

// hypotheses in the order in which they are named where nothing decides between them: what costs least to do stands first.
var hypotheses = []Hypothesis{
	{Name: "honest", Sentence: "Nothing speaks against the node.", Honest: ""},
	{Name: "throttled", Sentence: "Heat or power brake keeps the node below what it could do: capacity, no fraud.", Honest: "It is one.",
		explains: []sign{{"H1", "", true}, {"R2", "", false}}},
	{Name: "down_cast", Sentence: "The weights have fewer bits than declared, in the files or as loaded.", Honest: "A declaration that was not changed with the files; layers in host memory.",
		explains: []sign{{"M3", "", false}, {"M4", "", false}, {"M1", "dlogprob", false}}},
	{Name: "cached_answers", Sentence: "Answers were there before the questions.", Honest: "A cache of whole answers in the engine or a gateway.",
		explains: []sign{{"M5", "low", true}, {"R3", "", false}, {"R1", "", false}, {"E1", "", false}, {"U2", "", false}, {"M1", "t", false}}},
	{Name: "swapped_after_attestation", Sentence: "Another model than the attested one answers on this host.", Honest: "Another prompt template, system prompt or cache format.",
		explains: []sign{{"M1", "t", true}, {"M1", "dlogprob", false}, {"M5", "high", false}, {"R1", "", false}, {"M4", "", false}}},
	{Name: "distilled", Sentence: "A smaller model answers under the name of the large one: other answers, for less work.", Honest: "Another prompt template, with offloaded layers or large batches.",
		explains: []sign{{"M1", "t", true}, {"M1", "dlogprob", false}, {"E1", "", true}, {"M4", "", false}, {"R1", "", false}, {"N1", "", false}}},
	{Name: "other_knowledge_base", Sentence: "Answers that need the knowledge base differ: another base, or another model to embed it with.", Honest: "A base that was brought up to date.",
		explains: []sign{{"M1", "t_knowledge", true}}},
	{Name: "draft_model", Sentence: "A small model answers what looks like a challenge, or drafts undeclared.", Honest: "Speculation that was not declared; a gateway that joins tokens.",
		explains: []sign{{"L1", "", false}, {"L2", "", true}, {"R1", "", false}, {"M1", "t", false}}},
	{Name: "proxied", Sentence: "Another machine computes the answers.", Honest: "A pool of hosts behind one address that is declared as one.",
		explains: []sign{{"R4", "", false}, {"E1", "", true}, {"U2", "", true}, {"R1", "", false}, {"R3", "", false}, {"C3", "", false}, {"M1", "t", false}, {"L2", "", false}}},
	{Name: "masked_hardware", Sentence: "The GPUs are not what they say they are.", Honest: "A board that the catalogue does not know, or a wrong row.",
		explains: []sign{{"I2", "", true}, {"N2", "", false}, {"R2", "", false}, {"V1", "", false}}},
	{Name: "interconnect_faked", Sentence: "The links between the GPUs are not those that are claimed.", Honest: "Links that are switched off, a partition of a fabric.",
		explains: []sign{{"N2", "", true}, {"N1", "", false}, {"N3", "", false}}},
	{Name: "sold_twice", Sentence: "One GPU or TPM stands under two names.", Honest: "A card that moved, an agent that was set up anew.",
		explains: []sign{{"I1", "", true}, {"C1", "", false}}},
	{Name: "telemetry_forged", Sentence: "The telemetry is invented or replayed.", Honest: "A broken sensor, a counter that begins anew.",
		explains: []sign{{"E2", "", false}, {"H2", "", false}, {"U1", "", true}, {"E1", "", false}, {"C1", "", false}}},
	{Name: "telemetry_withheld", Sentence: "Telemetry was off while the question was answered.", Honest: "An agent that was restarted just then.",
		explains: []sign{{"C2", "", true}}},
}

// Explain orders the hypotheses by what they explain of the outcomes; honest stands first where nothing weighs.
func Explain(out []Outcome) []Hypothesis {
	res := make([]Hypothesis, 0, len(hypotheses))
	for _, h := range hypotheses {
		h.For, h.Against, h.Shown = []string{}, []string{}, []string{}
		for _, w := range h.weigh(out) {
			h.Score += w
		}
		res = append(res, h)
	}
	slices.SortStableFunc(res, func(a, b Hypothesis) int { return cmp.Compare(b.Score, a.Score) })
	return res
}

// weigh lists what speaks for and against, and gives each rule's weight once, in the order of outcomes: eight GPUs that violate one rule are one sign.
func (h *Hypothesis) weigh(out []Outcome) (weights []float64) {
	at := map[string]int{}
	for i := range out {
		o := &out[i]
		w := h.take(o)
		j, known := at[o.ID]
		switch {
		case w == 0:
		case !known:
			at[o.ID] = len(weights)
			weights = append(weights, w)
		case math.Abs(w) > math.Abs(weights[j]):
			weights[j] = w
		}
	}
	return weights
}

// take lists an outcome, and returns what it weighs for the hypothesis: below zero where it does not explain it.
func (h *Hypothesis) take(o *Outcome) float64 {
	if o.Outcome != Violated && o.Outcome != Pass {
		return 0
	}
	i := slices.IndexFunc(h.explains, func(s sign) bool { return s.is(o) })
	w := o.Weight
	switch {
	case o.Contradicts:
		w = contradictionWeight
	case o.capacity && o.Calibrated:
		w = capacityWeight
	}
	switch {
	case o.Outcome == Violated && w > 0 && i >= 0:
		h.For = add(h.For, o.label())
		if h.explains[i].core {
			w += markWeight
		}
		return w
	case o.Outcome == Violated && w > 0:
		h.Against = add(h.Against, o.label())
		return -w
	case o.Outcome == Violated && i >= 0:
		h.Shown = add(h.Shown, o.label())
	case o.Outcome == Pass && i >= 0 && h.explains[i].core && o.Calibrated:
		h.Against = add(h.Against, o.ID+" passes")
	}
	return 0
}

// label names an outcome: "M1.t of engine main".
func (o *Outcome) label() string {
	s := o.ID
	if o.Part != "" {
		s += "." + o.Part
	}
	if o.Subject != "" {
		s += " of " + o.Subject
	}
	return s
}

func add(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
