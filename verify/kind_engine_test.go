package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

// stating judges a node that states these engines, for tier verified.
func stating(t *testing.T, refs *References, engines ...engine.Engine) *Result {
	t.Helper()
	f := newForge(t)
	f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: engines}))
	r, err := f.judgeWith(f.known(), refs, f.soon(TierVerified))
	if err != nil {
		t.Fatal(err)
	}
	if bad := ids(r, Contraindicated); slices.Contains(bad, "claims.malformed") {
		t.Fatalf("the test states claims nobody reads: %+v", r.Findings)
	}
	return r
}

func capped(r *Result, d Demand) bool {
	return slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Demand == string(d) })
}

// said are all the ids of a result's findings.
func said(r *Result) []string {
	var all []string
	for _, s := range []Status{Affirming, Warning, Contraindicated, None} {
		all = append(all, ids(r, s)...)
	}
	return all
}

func TestEngineIsStatedOnlyWhenEveryEngineIsStatedWhole(t *testing.T) {
	if r := stating(t, nil, *serving(t)); capped(r, DemandEngineStated) {
		t.Fatalf("%+v", r.Unmet)
	}
	if r := stating(t, nil); !capped(r, DemandEngineStated) {
		t.Error("no engine at all is stated")
	}
	for name, change := range map[string]func(*engine.Engine){
		"not running": func(e *engine.Engine) {
			e.Process, e.Libraries, e.Weights = nil, []engine.Library{}, []engine.Weight{}
		},
		"executable not read":             func(e *engine.Engine) { e.Process.Exe = nil },
		"executable not measured":         func(e *engine.Engine) { e.Process.Exe = &engine.FileDigest{SizeBytes: 9} },
		"executable without plain digest": func(e *engine.Engine) { e.Process.Exe.SHA256 = nil },
		"no model":                        func(e *engine.Engine) { e.Models = []engine.Model{} },
		"model not wholly measured":       func(e *engine.Engine) { e.Models[0].Complete, e.Models[0].Digest = false, nil },
	} {
		bad := serving(t)
		change(bad)
		if r := stating(t, nil, *bad); !capped(r, DemandEngineStated) {
			t.Errorf("%s: stated alone", name)
		}
		if r := stating(t, nil, *serving(t), *bad); !capped(r, DemandEngineStated) {
			t.Errorf("%s: stated beside another", name)
		}
	}
	e := serving(t)
	known := knowing(t, e)
	e.Libraries[0].FSVerity[0] ^= 1
	if r := stating(t, known, *e); !capped(r, DemandEngineStated) {
		t.Error("an engine with a changed library counts as stated")
	}
}

func TestWithoutReferencesNothingIsCompared(t *testing.T) {
	r := stating(t, nil, *serving(t))
	for _, id := range said(r) {
		if strings.HasPrefix(id, "engine.executable") || strings.HasPrefix(id, "engine.model") || strings.HasPrefix(id, "engine.library") {
			t.Errorf("%s", id)
		}
	}
	if !slices.Contains(ids(r, None), "reference.not_given") {
		t.Error("missing references are not said")
	}
	e := serving(t)
	if r := stating(t, knowing(t, e), *e); slices.Contains(said(r), "reference.not_given") {
		t.Error("given references are said to be missing")
	}
}

func TestUnmeasuredLibraryIsNeitherMatchNorDifference(t *testing.T) {
	e := serving(t)
	known := knowing(t, e)
	e.Libraries[0].FileDigest = engine.FileDigest{SizeBytes: 9}
	if r := stating(t, known, *e); slices.Contains(said(r), "engine.library.differs") || slices.Contains(said(r), "engine.library.match") {
		t.Errorf("%+v", r.Findings)
	}
}

// A model goes by its declared name, and by its directory's where none is declared.
func TestModelIsComparedUnderTheNameItHas(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*engine.Engine)
		names  []string
	}{
		"declared":     {func(*engine.Engine) {}, []string{"llama"}},
		"not declared": {func(e *engine.Engine) { e.Declared.Model = "" }, []string{"m"}},
	} {
		e := serving(t)
		c.change(e)
		var models []attest.ReferenceModel
		for _, n := range c.names {
			models = append(models, attest.ReferenceModel{Name: n, Digest: digest(0x55)})
		}
		r := stating(t, refs(t, attest.Reference{Models: models}), *e)
		n := 0
		for _, f := range r.Findings {
			if f.ID == "engine.model.mismatch" {
				n++
			}
		}
		if n != len(c.names) {
			t.Errorf("%s: %d of %d models differ", name, n, len(c.names))
		}
	}
}

// Weights are held against the models only where all files of all models are listed and all weights are measured.
func TestWeightsAreJudgedOnlyAgainstWholeLists(t *testing.T) {
	foreign := func(e *engine.Engine) { e.Weights[0].FileDigest = weight(0x66) }
	for name, change := range map[string]func(*engine.Engine){
		"no model":   func(e *engine.Engine) { e.Models = []engine.Model{} },
		"no entries": func(e *engine.Engine) { e.Models[0].Entries = nil },
		"incomplete": func(e *engine.Engine) { e.Models[0].Complete, e.Models[0].Digest = false, nil },
		"no process": func(e *engine.Engine) { e.Process = nil },
		"second model not listed": func(e *engine.Engine) {
			second := e.Models[0]
			second.Path, second.Entries = "/n", nil
			e.Models = append(e.Models, second)
		},
		"first model not listed": func(e *engine.Engine) {
			second := e.Models[0]
			second.Path = "/n"
			e.Models = append(e.Models, second)
			e.Models[0].Entries = nil
		},
		"a weight not measured yet": func(e *engine.Engine) {
			e.Weights = append(e.Weights, engine.Weight{Path: "/m/z.safetensors", Source: engine.HeldMapped})
		},
	} {
		e := serving(t)
		foreign(e)
		change(e)
		for _, id := range said(stating(t, nil, *e)) {
			if strings.HasPrefix(id, "engine.weights.") && id != "engine.weights.unseen" {
				t.Errorf("%s: %s", name, id)
			}
		}
	}
}

// The interpreter changes with the system's updates: judged as a library, referenced as one, and no contradiction.
func TestInterpreterIsJudgedAsALibrary(t *testing.T) {
	e := serving(t)
	e.Process.ExePath = "/usr/bin/python3.12"
	exe, _ := digestOf(e.Process.Exe)
	known := refs(t, attest.Reference{Executables: []attest.ReferenceExecutable{{Name: "python3.12", Role: attest.RoleLibrary, File: exe}}})
	if r := stating(t, known, *e); capped(r, DemandEngineStated) || !slices.Contains(ids(r, Affirming), "engine.library.match") || slices.Contains(said(r), "engine.executable.unknown") {
		t.Errorf("as referenced: %v", said(r))
	}
	f := newForge(t)
	f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e}}))
	ref, err := f.verifier(t, f.known(), nil).ReferenceOf(f.make(), f.soon(TierCommunity))
	if err != nil || ref.Executables[0].Role != attest.RoleLibrary {
		t.Errorf("%+v, %v", ref, err)
	}
	e.Process.Exe.FSVerity[0] ^= 1
	if r := stating(t, known, *e); !capped(r, DemandEngineStated) || len(ids(r, Contraindicated)) > 0 || !slices.Contains(ids(r, Warning), "engine.library.differs") {
		t.Errorf("updated: %v, unmet %v", said(r), r.Unmet)
	}
	e.Process.Exe.FSVerity[0] ^= 1
	unread := serving(t)
	unread.Process.ExePath, unread.Process.Exe = "/usr/bin/python3.12", nil
	for _, known := range []*References{nil, known} {
		if r := stating(t, known, *unread); !capped(r, DemandEngineStated) || slices.Contains(said(r), "engine.library.differs") {
			t.Errorf("not measured: %v, unmet %v", said(r), r.Unmet)
		}
	}
	lib, _ := digestOf(&e.Libraries[0].FileDigest)
	lib.SHA256[0] ^= 1
	known = refs(t, attest.Reference{Executables: []attest.ReferenceExecutable{{Name: "libx.so", Role: attest.RoleLibrary, File: lib}}})
	if r := stating(t, known, *e); !capped(r, DemandEngineStated) {
		t.Error("an interpreter with a changed library counts as stated")
	}
}

// Of several models one must be the declared one; what lies beside it changes nothing.
func TestOneOfSeveralModelsMustBeTheDeclaredOne(t *testing.T) {
	for name, c := range map[string]struct {
		first, second attest.Digest // weights of the two models; 0x11 is the referenced one
		want          []string
		not           string
	}{
		"declared first":  {digest(0x11), digest(0x66), []string{"engine.model.match"}, "engine.model.mismatch"},
		"declared second": {digest(0x66), digest(0x11), []string{"engine.model.match"}, "engine.model.mismatch"},
		"none of them":    {digest(0x66), digest(0x67), []string{"engine.model.mismatch"}, "engine.model.match"},
	} {
		e := serving(t)
		known := knowing(t, e)
		second := e.Models[0]
		second.Path, second.Entries = "/n", slices.Clone(second.Entries)
		e.Models = append(e.Models, second)
		for i, w := range []attest.Digest{c.first, c.second} {
			e.Models[i].Entries[1].FSVerity = w
			d, err := e.Models[i].Entries.Digest()
			if err != nil {
				t.Fatal(err)
			}
			e.Models[i].Digest = d[:]
		}
		got := said(stating(t, known, *e))
		for _, id := range c.want {
			if !slices.Contains(got, id) {
				t.Errorf("%s: %s is not said: %v", name, id, got)
			}
		}
		if slices.Contains(got, c.not) {
			t.Errorf("%s: %s", name, c.not)
		}
	}
}

// An engine whose list of files is said to be incomplete is not accused of what the list leaves out.
func TestWeightsOfAListThatIsSaidToBeCutAreNotJudged(t *testing.T) {
	for _, what := range []string{"weights", "files", "processes", "tree"} {
		e := serving(t)
		e.Weights[0].FileDigest = weight(0x66)
		f := newForge(t)
		f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e},
			Absent: []attest.Absence{attest.Absent("engines[0]."+what, attest.Oversize, "")}}))
		if got := said(judged(t, f, TierCommunity)); slices.Contains(got, "engine.weights.foreign") {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestModelsThatCannotBeTheDeclaredOneAreNotAccused(t *testing.T) {
	two := func() (*engine.Engine, *References) {
		e := serving(t)
		known := knowing(t, e)
		e.Models = append(e.Models, e.Models[0])
		e.Models[1].Path = "/n"
		for i := range e.Models {
			e.Models[i].Entries = slices.Clone(e.Models[i].Entries)
			e.Models[i].Entries[1].FSVerity = digest(byte(0x66 + i))
			d, err := e.Models[i].Entries.Digest()
			if err != nil {
				t.Fatal(err)
			}
			e.Models[i].Digest = d[:]
		}
		return e, known
	}
	e, known := two()
	e.Models[1].Complete, e.Models[1].Digest = false, nil
	if got := said(stating(t, known, *e)); slices.Contains(got, "engine.model.mismatch") {
		t.Errorf("the model not wholly measured may be it: %v", got)
	}
	e, known = two()
	e.Declared.Model = "qwen"
	if got := said(stating(t, known, *e)); slices.Contains(got, "engine.model.mismatch") || !slices.Contains(got, "engine.model.unknown") {
		t.Errorf("a name nobody references: %v", got)
	}
	e, _ = two()
	e.Declared.Model = ""
	n := 0
	for _, f := range stating(t, refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "m", Digest: digest(1)}, {Name: "n", Digest: digest(1)}}}), *e).Findings {
		if f.ID == "engine.model.mismatch" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d of two undeclared models differ from the references of their names", n)
	}
}

func TestReferenceListsFilesOnlyWhereAllOfFewAreThere(t *testing.T) {
	files := make(engine.Manifest, attest.MaxListedFiles+1)
	for n, want := range map[int]int{1: 1, attest.MaxListedFiles: attest.MaxListedFiles, attest.MaxListedFiles + 1: 0} {
		if got := ModelReference("m", files[:n], digest(1), 0, uint64(n)); len(got.Entries) != want {
			t.Errorf("%d files: %d listed", n, len(got.Entries))
		}
	}
	if got := ModelReference("m", files[:1], digest(1), 0, 2); len(got.Entries) != 0 {
		t.Error("half of the files are listed as if they were all")
	}
}

// One of several models with the declared weights and another configuration is worth a warning, whatever lies beside it.
func TestDeclaredWeightsAmongSeveralModelsAreNotAccused(t *testing.T) {
	e := serving(t)
	m := e.Models[0]
	known := refs(t, attest.Reference{Models: []attest.ReferenceModel{ModelReference("llama", m.Entries, attest.Digest(m.Digest), m.SizeBytes, m.Files)}})
	e.Models = []engine.Model{m, m}
	e.Models[1].Path = "/n"
	for i, entry := range []int{1, 0} { // the first model's weights differ, the second's configuration
		e.Models[i].Entries = slices.Clone(m.Entries)
		e.Models[i].Entries[entry].FSVerity = digest(0x66)
		d, err := e.Models[i].Entries.Digest()
		if err != nil {
			t.Fatal(err)
		}
		e.Models[i].Digest = d[:]
	}
	if got := said(stating(t, known, *e)); slices.Contains(got, "engine.model.mismatch") || !slices.Contains(got, "engine.model.other_files") {
		t.Errorf("%v", got)
	}
}

func TestModelOfEmptyFilesIsNotForeign(t *testing.T) {
	e := serving(t)
	for i := range e.Models[0].Entries {
		e.Models[0].Entries[i].Size = 0
	}
	d, err := e.Models[0].Entries.Digest()
	if err != nil {
		t.Fatal(err)
	}
	e.Models[0].Digest, e.Models[0].SizeBytes, e.Weights = d[:], 0, []engine.Weight{}
	if got := said(stating(t, nil, *e)); slices.Contains(got, "engine.weights.foreign") {
		t.Errorf("%v", got)
	}
}
