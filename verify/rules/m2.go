package rules

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/stats"
)

// M2: the files are not the reference's, and the answers are like its.
//
//	violated: T below the limit, with weights that a reference knows otherwise under the declared name
//
// Unit: none. It is a note for people: T does not see quantisation to 8 bits, so likeness shows no equality.
var m2 = Rule{ID: "M2", Group: Model, Kind: Hint,
	Reads:    []string{"engines[].models[]", "stat-result t"},
	Sentence: "The weights are not those of the reference, and the answers are like its: an undeclared equivalent, or answers that come from elsewhere.",
	Honest:   "Files that were sharded, packed or named anew have other digests. The census and the tensors' digests tell.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			subject := "engine " + eng.Name
			switch m := eng.Model; {
			case m == nil:
				e.unable(subject, Silent, orNot(eng.ModelWhy), eng.From)
				return
			case m.Reference == Unknown:
				e.unable(subject, Lacking, "no reference knows the declared model: give one with --reference", eng.From)
				return
			case m.Reference == Matches:
				e.unable(subject, NotApplicable, "the weights are those of the reference", eng.From)
				return
			}
			list := e.results(eng, "a T against a replay or an anchor", func(r *stats.Result) bool {
				return has("t")(r) && decided(r) && r.Sample.Set != stats.Knowledge && model(r)
			})
			if list == nil {
				return
			}
			s := list[len(list)-1]
			t, _ := value(s.Result, "t")
			e.hold(reading{subject: subject, limit: "t", scope: e.scope(eng), value: t, basis: Observed, inputs: []Source{eng.From, s.From},
				reason: fmt.Sprintf("T in epoch %s, of weights that differ from the reference's", clipped(s.Epoch.ID))})
		})
	}}
