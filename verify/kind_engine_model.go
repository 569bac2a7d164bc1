package verify

import (
	"fmt"
	"path"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// models compares an engine's models with the references; false where one is missing or incomplete.
//
// The declared name decides: where the references know it, one of the engine's
// models must be it. A second model path beside it changes nothing.
func (ap *Appraised) models(refs *References, e *engine.Engine) bool {
	complete, declared := len(e.Models) > 0, e.Declared.Model
	best := unknownReference
	var odd *engine.Model
	for i := range e.Models {
		m := &e.Models[i]
		if !m.Complete || len(m.Digest) != len(attest.Digest{}) {
			ap.findings.unknown("engine.model.incomplete", "model "+m.Path, Asserted, "every file measured", count(int(m.Files), "files"))
			complete = false
			continue
		}
		name := modelName(e, m)
		got := refs.model(name, m)
		if got == matchesReference || got == sameWeights {
			best = max(best, got)
			ap.modelFinding(refs, got, e, name, m)
			continue
		}
		if declared == "" || len(e.Models) == 1 || got == unknownReference {
			ap.modelFinding(refs, got, e, name, m)
			continue
		}
		odd = m
	}
	// Several models, a declared name, and none of them is it.
	if odd != nil && best == unknownReference && complete {
		ap.modelFinding(refs, differsFromReference, e, declared, odd)
	}
	return complete
}

// modelName is the name a model goes by: the declared one, else its path's last element.
func modelName(e *engine.Engine, m *engine.Model) string {
	if e.Declared.Model != "" {
		return e.Declared.Model
	}
	return path.Base(m.Path)
}

func (ap *Appraised) modelFinding(refs *References, got verdict, e *engine.Engine, name string, m *engine.Model) {
	if !refs.given {
		return
	}
	check, seen := "model of "+e.Name, name+" "+attest.Digest(m.Digest).String()
	switch got {
	case matchesReference:
		if by := refs.publisher(name, attest.Digest(m.Digest)); by != "" {
			seen += ", " + by
		}
		ap.findings.good("engine.model.match", check, Asserted, seen)
	case sameWeights:
		ap.findings.warn("engine.model.other_files", check, Asserted, refs.expectedModel(name), seen)
	case differsFromReference:
		ap.findings.bad("engine.model.mismatch", check, Asserted, refs.expectedModel(name), seen)
	default:
		expected := "a reference named " + name
		if as := refs.names(attest.Digest(m.Digest)); as != "" {
			seen += ", referenced as " + as
		}
		ap.findings.unknown("engine.model.unknown", check, Asserted, expected, seen)
	}
}

// wholeList reports whether the node says nothing was left out of an engine's open files.
func wholeList(c *engine.Claims, i int) bool {
	for _, a := range c.Absent {
		for _, list := range []string{"weights", "files", "processes", "tree"} {
			if strings.HasPrefix(a.What, fmt.Sprintf("engines[%d].%s", i, list)) {
				return false
			}
		}
	}
	return true
}

// weights holds the files that the process has open against the declared
// models. Engines may close weights once they are on a device, and open adapters
// or small models beside them, so that alone is worth a warning. A file of the
// declared model's own order of size in place of all of its files is the node contradicting itself.
func (ap *Appraised) weights(e *engine.Engine, whole bool) {
	declared, size := map[string]bool{}, uint64(0)
	listed := len(e.Models) > 0 && whole
	for _, m := range e.Models {
		listed = listed && m.Complete && uint64(len(m.Entries)) == m.Files
		size += m.SizeBytes
		for _, entry := range m.Entries {
			declared[string(entry.FSVerity[:])] = true
		}
	}
	if e.Process == nil {
		return
	}
	check := "weights of " + e.Name
	loaded, foreign, foreignSize := 0, "", uint64(0)
	for i := range e.Weights {
		switch w := &e.Weights[i]; {
		case len(w.FSVerity) == 0:
			listed = false // not measured yet: it may be either
		case declared[string(w.FSVerity)]:
			loaded++
		default:
			foreign = w.Path
			foreignSize += w.SizeBytes
		}
	}
	switch {
	case foreign != "" && loaded == 0 && listed && foreignSize >= size/2:
		ap.findings.bad("engine.weights.foreign", check, Asserted, "files of the declared model", foreign)
	case foreign != "" && listed:
		ap.findings.warn("engine.weights.foreign", check, Asserted, "files of the declared model only", foreign)
	case loaded > 0:
		ap.findings.good("engine.weights.loaded", check, Asserted, count(loaded, "files"))
	default:
		ap.findings.unknown("engine.weights.unseen", check, Asserted, "files of the declared model", "none that could be compared")
	}
}
