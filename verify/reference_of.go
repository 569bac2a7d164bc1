package verify

import (
	"errors"
	"fmt"
	"path"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// ReferenceOf makes reference values of what one's own node states about itself.
// The record must be authentic and reach community; what it states is taken as it is.
func (v *Verifier) ReferenceOf(record []byte, o Options) (*attest.Reference, error) {
	opened, refused, err := v.Open(record, o)
	if err != nil {
		return nil, err
	}
	var a *Authenticated
	if refused == nil {
		a, refused = v.Authenticate(opened)
	}
	if refused == nil {
		refused = v.Decide(v.CrossCheck(v.Appraise(a)))
	}
	if !refused.Accepted {
		f, _ := refused.Primary()
		return nil, fmt.Errorf("the answer was not accepted, so it cannot become a reference: %s: %s", f.ID, f.Sentence)
	}
	ref := &attest.Reference{Version: 1, Models: []attest.ReferenceModel{}, Executables: []attest.ReferenceExecutable{}}
	if body, ok := a.bound.Submods[attest.KindEngine]; ok {
		c, err := engine.Parse(body)
		if err != nil {
			return nil, err
		}
		for i := range c.Engines {
			referenceEngine(ref, &c.Engines[i])
		}
	}
	if err := referenceSoftware(ref, a.bound.Measurements); err != nil {
		return nil, err
	}
	if len(ref.Models)+len(ref.Executables) == 0 {
		return nil, errors.New("the answer states no measured model and no program")
	}
	return ref, nil
}

func referenceEngine(ref *attest.Reference, e *engine.Engine) {
	for i := range e.Models {
		m := &e.Models[i]
		if !m.Complete || len(m.Digest) != len(attest.Digest{}) {
			continue
		}
		ref.Models = append(ref.Models, ModelReference(modelName(e, m), m.Entries, attest.Digest(m.Digest), m.SizeBytes, m.Files))
	}
	if e.Process != nil {
		if d, ok := digestOf(e.Process.Exe); ok {
			role, name := attest.RoleEngine, path.Base(e.Process.ExePath)
			if interpreter(name) {
				role = attest.RoleLibrary
			}
			ref.Executables = append(ref.Executables, attest.ReferenceExecutable{Name: name, Role: role, File: d})
		}
	}
	for i := range e.Libraries {
		if d, ok := digestOf(&e.Libraries[i].FileDigest); ok {
			ref.Executables = append(ref.Executables, attest.ReferenceExecutable{Name: path.Base(e.Libraries[i].Path), Role: attest.RoleLibrary, File: d})
		}
	}
}

// ModelReference describes a model; the files are listed where they are few enough.
func ModelReference(name string, files engine.Manifest, digest attest.Digest, size, n uint64) attest.ReferenceModel {
	r := attest.ReferenceModel{Name: name, Digest: digest, Size: size, Files: n}
	if uint64(len(files)) != n || n > attest.MaxListedFiles {
		return r
	}
	for _, f := range files {
		r.Entries = append(r.Entries, attest.ModelFile{Path: f.Path, Size: f.Size, FSVerity: f.FSVerity})
	}
	return r
}

func referenceSoftware(ref *attest.Reference, ms []attest.Measurement) error {
	for _, m := range ms {
		var s attest.Software
		if err := attest.Unmarshal(m.Bytes, &s, attest.MaxRequestSize); err != nil {
			return fmt.Errorf("measurements: %w", err)
		}
		if s.Agent != nil {
			ref.Executables = append(ref.Executables, attest.ReferenceExecutable{Name: "hallmark-agent", Role: attest.RoleAgent, File: *s.Agent})
		}
		if s.Probe != nil {
			ref.Executables = append(ref.Executables, attest.ReferenceExecutable{Name: "hallmark-gpuprobe", Role: attest.RoleProbe, File: *s.Probe})
		}
	}
	return nil
}
