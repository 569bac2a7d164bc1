package verify

import (
	"fmt"
	"path"
	"regexp"

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
	ap.declared, ap.engineList, ap.engineAt = len(c.Engines), c.Engines, c.ObtainedAt
	for i := range c.Engines {
		e := &c.Engines[i]
		serving := ap.process(refs, e)
		models := ap.models(refs, e)
		ap.weights(e, wholeList(c, i))
		if serving && models {
			ap.engines++
		}
	}
	return c.ObtainedAt, nil
}

// process compares the executable and the mapped libraries; false where no engine was found or one of them differs.
func (ap *Appraised) process(refs *References, e *engine.Engine) bool {
	if e.Process == nil {
		ap.findings.warn("engine.not_serving", "engine "+e.Name, Asserted, "a process behind "+e.Endpoint, "none")
		return false
	}
	same := ap.libraries(refs, e)
	exe, known := digestOf(e.Process.Exe)
	ap.engineFiles = append(ap.engineFiles, exe) // zero where unknown: no list holds it
	if known && interpreter(path.Base(e.Process.ExePath)) {
		check := "interpreter of " + e.Name
		got := ap.library(refs, check, e.Process.ExePath, exe)
		if got == matchesReference {
			ap.findings.good("engine.library.match", check, Asserted, path.Base(e.Process.ExePath)+" "+exe.FSVerity.Short())
		}
		return got != differsFromReference && same
	}
	if known {
		ap.executable(refs, "engine "+e.Name, e.Process.ExePath, exe)
	}
	return known && same
}

var interpreters = regexp.MustCompile(`^(python|pypy|node|java|ruby|perl|bash|sh)[0-9.]*$`)

// interpreter reports whether a program only runs another one. It is part of
// the system and changes with its updates, so it is judged as libraries are.
func interpreter(name string) bool { return interpreters.MatchString(name) }

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
func (ap *Appraised) libraries(refs *References, e *engine.Engine) bool {
	same, matched := true, 0
	for i := range e.Libraries {
		l := &e.Libraries[i]
		d, ok := digestOf(&l.FileDigest)
		if !ok {
			continue
		}
		switch ap.library(refs, "library of "+e.Name, l.Path, d) {
		case matchesReference:
			matched++
		case differsFromReference:
			same = false
		}
	}
	if matched > 0 {
		ap.findings.good("engine.library.match", "libraries of "+e.Name, Asserted, fmt.Sprintf("%d of %d", matched, len(e.Libraries)))
	}
	return same
}

// library compares one library or interpreter. They change with every update of
// an honest host, so a difference keeps the engine from counting as referenced
// and is no contradiction; what the references do not name is not worth a line.
func (ap *Appraised) library(refs *References, check, file string, d attest.FileDigest) verdict {
	name := path.Base(file)
	got, want := refs.program(attest.RoleLibrary, name, d)
	if got == differsFromReference {
		ap.findings.warn("engine.library.differs", check, Asserted, name+" "+want, name+" "+d.FSVerity.String())
	}
	return got
}

// digestOf converts a stated digest; false where it is not known whole.
func digestOf(f *engine.FileDigest) (attest.FileDigest, bool) {
	if f == nil || len(f.FSVerity) != 32 || len(f.SHA256) != 32 {
		return attest.FileDigest{}, false
	}
	return attest.FileDigest{Size: f.SizeBytes, FSVerity: attest.Digest(f.FSVerity), SHA256: attest.Digest(f.SHA256)}, true
}

// count says n of a thing.
func count(n int, of string) string { return fmt.Sprintf("%d %s", n, of) }
