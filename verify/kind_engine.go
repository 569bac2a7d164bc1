package verify

import (
	"fmt"
	"path"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// engine compares executables and models with the references, and what the
// process holds with what the node declares.
func (ap *Appraised) engine(refs *References, body []byte) (uint64, error) {
	c, err := engine.Parse(body)
	if err != nil {
		return 0, err
	}
	ap.declared = len(c.Engines)
	for i := range c.Engines {
		e := &c.Engines[i]
		serving := ap.process(refs, e)
		models := ap.models(refs, e)
		ap.weights(e)
		if serving && models {
			ap.engines++
		}
	}
	return c.ObtainedAt, nil
}

// process compares the executable and the mapped libraries; false where no engine was found.
func (ap *Appraised) process(refs *References, e *engine.Engine) bool {
	if e.Process == nil {
		ap.findings.warn("engine.not_serving", "engine "+e.Name, Asserted, "a process behind "+e.Endpoint, "none")
		return false
	}
	exe, known := digestOf(e.Process.Exe)
	if known {
		ap.executable(refs, "engine "+e.Name, e.Process.ExePath, exe)
	}
	return ap.libraries(refs, e) && known
}

func (ap *Appraised) executable(refs *References, check, file string, d attest.FileDigest) {
	if !refs.given {
		return
	}
	name := path.Base(file)
	seen := name + " " + d.FSVerity.String()
	switch got, want := refs.program(attest.RoleEngine, name, d); got {
	case matchesReference:
		ap.findings.good("engine.executable.match", check, Asserted, seen)
	case differsFromReference:
		ap.findings.bad("engine.executable.mismatch", check, Asserted, name+" "+want, seen)
	default:
		ap.findings.unknown("engine.executable.unknown", check, Asserted, "a reference of role engine", seen)
	}
}

// libraries compares what the references know by name; false where one differs.
// System libraries change with every update of an honest host, so a difference
// keeps the engine from counting as stated and is no contradiction.
func (ap *Appraised) libraries(refs *References, e *engine.Engine) bool {
	same, matched := true, 0
	for i := range e.Libraries {
		l := &e.Libraries[i]
		d, ok := digestOf(&l.FileDigest)
		if !ok {
			continue
		}
		name := path.Base(l.Path)
		switch got, want := refs.program(attest.RoleLibrary, name, d); got {
		case matchesReference:
			matched++
		case differsFromReference:
			same = false
			ap.findings.warn("engine.library.differs", "library of "+e.Name, Asserted, name+" "+want, name+" "+d.FSVerity.String())
		}
	}
	if matched > 0 {
		ap.findings.good("engine.library.match", "libraries of "+e.Name, Asserted, fmt.Sprintf("%d of %d", matched, len(e.Libraries)))
	}
	return same
}

// models compares the manifests; false where one is missing or incomplete.
func (ap *Appraised) models(refs *References, e *engine.Engine) bool {
	complete := len(e.Models) > 0
	for i := range e.Models {
		m := &e.Models[i]
		if !m.Complete || len(m.Digest) != len(attest.Digest{}) {
			ap.findings.unknown("engine.model.incomplete", "model "+m.Path, Asserted, "every file measured", fmt.Sprintf("%d files", m.Files))
			complete = false
			continue
		}
		ap.model(refs, e, m.Path, attest.Digest(m.Digest)) // engine.Parse held it against the listed files
	}
	return complete
}

func (ap *Appraised) model(refs *References, e *engine.Engine, file string, d attest.Digest) {
	if !refs.given {
		return
	}
	check := "model of " + e.Name
	name := e.Declared.Model
	if name == "" || len(e.Models) > 1 {
		name = path.Base(file)
	}
	seen := name + " " + d.String()
	switch got, want := refs.model(name, d); got {
	case matchesReference:
		ap.findings.good("engine.model.match", check, Asserted, want+" "+d.String())
	case differsFromReference:
		ap.findings.bad("engine.model.mismatch", check, Asserted, name+" "+want, seen)
	default:
		ap.findings.unknown("engine.model.unknown", check, Asserted, "a reference", seen)
	}
}

// weights holds the files that the process has open against the declared
// models. Files of other models beside declared ones (an adapter, a draft model)
// are worth a warning; none of the declared ones and others instead is the node contradicting itself.
func (ap *Appraised) weights(e *engine.Engine) {
	declared := map[string]bool{}
	listed := len(e.Models) > 0
	for _, m := range e.Models {
		listed = listed && m.Complete && uint64(len(m.Entries)) == m.Files
		for _, entry := range m.Entries {
			declared[string(entry.FSVerity[:])] = true
		}
	}
	loaded, foreign := 0, ""
	for i := range e.Weights {
		switch w := &e.Weights[i]; {
		case len(w.FSVerity) == 0:
			return // not measured yet: nothing to compare
		case declared[string(w.FSVerity)]:
			loaded++
		default:
			foreign = w.Path
		}
	}
	check := "weights of " + e.Name
	switch {
	case !listed || e.Process == nil:
	case loaded == 0 && foreign != "":
		ap.findings.bad("engine.weights.foreign", check, Asserted, "files of the declared model", foreign)
	case foreign != "":
		ap.findings.warn("engine.weights.foreign", check, Asserted, "files of the declared model only", foreign)
	case loaded == 0:
		ap.findings.unknown("engine.weights.unseen", check, Asserted, "files of the declared model", "none open or mapped")
	default:
		ap.findings.good("engine.weights.loaded", check, Asserted, fmt.Sprintf("%d files", loaded))
	}
}

// digestOf converts a stated digest; false where it is not known whole.
func digestOf(f *engine.FileDigest) (attest.FileDigest, bool) {
	if f == nil || len(f.FSVerity) != 32 || len(f.SHA256) != 32 {
		return attest.FileDigest{}, false
	}
	return attest.FileDigest{Size: f.SizeBytes, FSVerity: attest.Digest(f.FSVerity), SHA256: attest.Digest(f.SHA256)}, true
}
