package verify

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
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
	var ap *Appraised
	if refused == nil {
		a, refused = v.Authenticate(opened)
	}
	if refused == nil {
		ap = v.Appraise(a)
		refused = v.Decide(v.CrossCheck(ap))
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
			if err := referenceEngine(ref, &c.Engines[i]); err != nil {
				return nil, err
			}
		}
	}
	if err := referenceSoftware(ref, a.bound.Measurements); err != nil {
		return nil, err
	}
	ap.referenceWorld(ref)
	if len(ref.Models)+len(ref.Executables)+len(ref.Boots)+len(ref.Measured) == 0 {
		return nil, errors.New("the answer states no measured model, no program, no boot log and no measured file")
	}
	return ref, nil
}

func referenceEngine(ref *attest.Reference, e *engine.Engine) error {
	for i := range e.Models {
		m := &e.Models[i]
		if !m.Complete || len(m.Digest) != len(attest.Digest{}) {
			continue
		}
		r := ModelReference(modelName(e, m), m.Entries, attest.Digest(m.Digest), m.SizeBytes, m.Files)
		if m.Census != nil && fits(m.Census, m.SizeBytes, m.Files) { // what is of other files is no reference of these
			b, err := attest.Marshal(m.Census)
			if err != nil {
				return err
			}
			r.Census = b
		}
		ref.Models = append(ref.Models, r)
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
	return nil
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

// referenceWorld makes references of what the quote covers: the boot, and every measured file.
func (ap *Appraised) referenceWorld(ref *attest.Reference) {
	if ap.boot.replays {
		name := "boot of " + ap.auth.bound.UEID.Short() + " at " + stamp(ap.auth.record.Received)
		ref.Boots = append(ref.Boots, referenceBoot(name, ap.boot.report, ap.auth.quote.PCRs, ap.boot.runtime))
	}
	if !ap.measurements.shown() {
		return
	}
	seen := map[measuredKey]bool{}
	policy := slices.IndexFunc(ap.measurements.entries, func(e ima.Entry) bool { return called(e, imaPolicyPath) })
	for i, e := range ap.measurements.entries {
		k, ok := keyOf(e)
		if !ok || ap.bootAggregate(i, e) || seen[k] || len(ref.Measured) == attest.MaxMeasured {
			continue // what cannot be referenced stays unreferenced: the closed world then says so
		}
		seen[k] = true
		ref.Measured = append(ref.Measured, attest.MeasuredFile{Digest: k.digest, Verity: k.verity, Policy: e.Path == imaPolicyPath, Early: i < policy, Name: attest.Clean(e.Path)})
	}
}
