package verify

import (
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// precision says of each engine how its declared precision stands to the headers of
// the files that it is declared to serve: rule M3 in words. Both are the node's statements (the files
// by their digest where the references have counted them), so what a violation
// shows is exact and small: they cannot both be true. Headers that lie in favour of
// the declaration pass.
func (ap *Appraised) precision(refs *References) {
	if _, stated := ap.claims[attest.KindEngine]; !stated {
		return
	}
	for i := range ap.engineList {
		e := &ap.engineList[i]
		ap.precisionFinding(e, declaredPrecision(refs, e))
	}
}

// declaredPrecision compares the model that the declaration is about. An engine
// may have others beside it (draft model, adapters); where neither references
// nor arguments tell which is meant, only what holds for all of them is said.
func declaredPrecision(refs *References, e *engine.Engine) census.Precision {
	if e.Declared.Precision == "" {
		return notComparable("no precision is declared")
	}
	list := meant(refs, e)
	if len(list) == 0 {
		return notComparable("no model is configured")
	}
	out := comparePrecision(refs, e, list[0])
	for _, m := range list[1:] {
		p := comparePrecision(refs, e, m)
		if (p.Verdict == census.Lower) != (out.Verdict == census.Lower) || p.Verdict == census.NotEvaluable || out.Verdict == census.NotEvaluable {
			return notComparable("several models, and nothing tells which of them is declared")
		}
		if p.BelowPermille < out.BelowPermille || p.Verdict == census.Match && out.Verdict == census.Higher {
			out = p
		}
	}
	return out
}

// meant are the models that the declared name and precision may be about: those
// the references know under that name, else the one that the process was started
// with by its own arguments, else all.
func meant(refs *References, e *engine.Engine) (list []*engine.Model) {
	for i := range e.Models {
		m := &e.Models[i]
		if got := refs.model(modelName(e, m), m); m.Complete && (got == matchesReference || got == sameWeights) {
			list = append(list, m)
		}
	}
	if len(list) > 0 {
		return list
	}
	for i := range e.Models {
		if startedWith(e, e.Models[i].Path) {
			return []*engine.Model{&e.Models[i]}
		}
		list = append(list, &e.Models[i])
	}
	return list
}

// startedWith reports whether path is the model argument of the engine's process,
// under the canonical names of package engine.
func startedWith(e *engine.Engine, path string) bool {
	if e.Process == nil {
		return false
	}
	for _, a := range e.Process.Args {
		switch a.Name {
		case "model", "--model", "--model-path", "--model-id":
			if a.Value == path {
				return true
			}
		}
	}
	return false
}

// comparePrecision holds one model against the declaration.
func comparePrecision(refs *References, e *engine.Engine, m *engine.Model) census.Precision {
	if !m.Complete {
		return notComparable("the model's files are not all measured")
	}
	return refs.precisionOf(m, e.Declared.Precision)
}

// censusBytes cannot overflow: Check bounds count and size of the summands.
func censusBytes(c *census.Census) uint64 {
	n := c.UnknownBytes
	for _, t := range c.ByType {
		n += t.StorageBytes
	}
	return n
}

func notComparable(why string) census.Precision {
	return census.Precision{Verdict: census.NotEvaluable, Why: why}
}

func (ap *Appraised) precisionFinding(e *engine.Engine, p census.Precision) {
	check, declared := "precision of "+e.Name, e.Declared.Precision
	switch p.Verdict {
	case census.Match:
		seen := p.Why
		if !p.Exact {
			seen += "; as many bits in another format"
		}
		ap.findings.good("engine.precision.match", check, Asserted, seen)
	case census.Lower:
		ap.findings.bad("engine.precision.lower", check, Asserted, declared, p.Why)
	case census.Higher:
		ap.findings.unknown("engine.precision.higher", check, Asserted, declared, p.Why)
	default:
		ap.findings.unknown("engine.precision.not_evaluable", check, Asserted, declared, p.Why)
	}
}
