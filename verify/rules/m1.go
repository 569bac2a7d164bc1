package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/stats"
)

// M1: the files are the reference's, and the answers are another model's.
//
//	violated: T at or above the limit in two of the last three epochs, with the weights of a reference
//
// T (docs/statistics.md) is 1 for the same model whatever the number of answers, has no unit, and counts only against a
// replay, golden answers or an anchor: where half of a domain cheats, its peers are no reference. Answers to questions that only the knowledge
// base knows are a part of their own. Forced-token differences (nat) are the second part.
var m1 = Rule{ID: "M1", Group: Model, Kind: Heuristic,
	Reads:    []string{"engines[].models[]", "stat-result t", "stat-result dlogprob"},
	Sentence: "The weights are those of the reference, and the answers are not: another model answers, here or elsewhere.",
	Honest:   "Another prompt template, system prompt, key-value cache format or an engine's bug moves T as well. It must stand out in two of three epochs, and is asked again after a change of configuration; alone it is never suspect.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			switch m := eng.Model; {
			case m == nil:
				e.unable(subject, Silent, orNot(eng.ModelWhy), eng.From)
				return
			case m.Reference != Matches:
				e.unable(subject, Lacking, "the weights match no reference under the declared name", eng.From)
				return
			case eng.Adapted != "":
				e.unable(subject, Premise, "the engine was started with "+eng.Adapted+": which of its models answered is not known", eng.From)
				return
			}
			e.epochs(eng, subject, "t", stats.General, "a T of the general questions against a replay or an anchor")
			if slices.ContainsFunc(e.in.Stats, func(s Stat) bool { return s.Sample.Set == stats.Knowledge }) {
				e.epochs(eng, subject, "t", stats.Knowledge, "a T of the knowledge questions against a replay or an anchor")
			}
			if slices.ContainsFunc(e.in.Stats, func(s Stat) bool { return has("dlogprob")(s.Result) }) {
				e.epochs(eng, subject, "dlogprob", "", "forced-token differences")
			}
		})
	}}

// epochs holds the second largest of the last three epochs' values: what stands out once stands out by chance.
func (e *eval) epochs(eng *Engine, subject, name string, set stats.Set, what string) {
	list := e.results(eng, what, func(r *stats.Result) bool {
		return has(name)(r) && decided(r) && (r.Sample.Set == set || set == stats.General && r.Sample.Set == "") && model(r)
	})
	if list == nil {
		return
	}
	byEpoch := map[string]bool{}
	var last []Stat
	for _, s := range slices.Backward(list) {
		if !byEpoch[s.Epoch.ID] && len(last) < 3 {
			byEpoch[s.Epoch.ID] = true
			last = append(last, s)
		}
	}
	slices.SortStableFunc(last, func(a, b Stat) int {
		x, _ := value(a.Result, name)
		y, _ := value(b.Result, name)
		return cmp.Compare(y, x)
	})
	highest, _ := value(last[0].Result, name)
	inputs := []Source{eng.From, last[0].From}
	part := name
	if set == stats.Knowledge {
		part = "t_knowledge"
	}
	if len(last) == 1 {
		if l := e.cal.limit(e.rule.ID, part, e.scope(eng)); l != nil && l.violated(highest) {
			e.unable(subject, Lacking, fmt.Sprintf("%s is %.2f in epoch %s, the only one given: two of three decide", part, highest, clipped(last[0].Epoch.ID)), inputs...)
			return
		}
	}
	v := highest
	if len(last) > 1 {
		v, _ = value(last[1].Result, name)
		inputs = append(inputs, last[1].From)
	}
	e.hold(reading{subject: subject, limit: part, scope: e.scope(eng), value: v, basis: Observed, inputs: inputs,
		reason: fmt.Sprintf("the second largest of %d epochs; largest %.2f in epoch %s", len(last), highest, clipped(last[0].Epoch.ID))})
}

// model says whether a result compares with the model's own answers: peers may cheat as the node does, and nothing is no reference.
func model(r *stats.Result) bool {
	return r.Reference.Kind == stats.Anchor || r.Reference.Kind == stats.Replay || r.Reference.Kind == stats.Golden
}

func clipped(s string) string { return fmt.Sprintf("%.60q", s) }
