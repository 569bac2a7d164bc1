package rules

// M3: the declared precision against the headers of the files.
//
//	violated: more than the limit of the counted parameters have fewer bits than declared
//
// Unit: 1/1000 of the parameters. Both are the node's own statements: they cannot both be true. Headers that lie in favour of the
// declaration pass; quantisation while loading leaves the files as they are (M4).
var m3 = Rule{ID: "M3", Group: Model, Kind: Bound,
	Reads:    []string{"engines[].declared.precision", "engines[].models[].census"},
	Sentence: "Of the parameters counted in the weight files' headers, at most 50 of 1000 may have fewer bits than the declared precision, or as many as the declared GGUF recipe itself puts below its name.",
	Honest:   "None: norms and embeddings are of higher precision, never of lower, and a recipe's own share is allowed for.",
	eval: func(e *eval) {
		e.engines(func(eng *Engine) {
			p := eng.Precision
			if p == nil || !p.Comparable {
				why := "no precision is declared"
				if p != nil {
					why = p.Why
				}
				e.unable("engine "+eng.Name, Silent, why, eng.From)
				return
			}
			r := reading{subject: "engine " + eng.Name, limit: "below_permille", value: p.BelowPermille, reason: p.Why, basis: Self, contradicts: true, inputs: []Source{eng.From}}
			e.holdOwn(r, p.LimitPermille)
		})
	}}

// holdOwn holds a reading against a limit that the reading itself brings, where it is wider than the calibration's.
func (e *eval) holdOwn(r reading, own float64) {
	l := e.cal.limit(e.rule.ID, r.limit, r.scope)
	if l == nil || own <= l.Value {
		e.hold(r)
		return
	}
	wider := *l
	wider.Value = own
	e.holdAt(r, &wider)
}
