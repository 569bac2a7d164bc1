package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// encoded is a census after a change, nil for none.
func encoded(t *testing.T, c *census.Census, change func(*census.Census)) []byte {
	t.Helper()
	other := *c
	other.ByType = slices.Clone(c.ByType)
	if change != nil {
		change(&other)
	}
	b, err := attest.Marshal(other)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counted references a model with this census.
func counted(m engine.Model, c []byte) attest.Reference {
	r := ModelReference("llama", m.Entries, attest.Digest(m.Digest), m.SizeBytes, m.Files)
	r.Census = c
	return attest.Reference{Version: 1, Models: []attest.ReferenceModel{r}, Executables: []attest.ReferenceExecutable{}}
}

func TestReferenceWithABadCensusIsRefused(t *testing.T) {
	m := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)})
	good := encoded(t, m.Census, nil)
	for name, c := range map[string]struct{ census, want string }{
		"of other keys":        {"\xa1\x61a\x01", "census"},
		"of another kind":      {"\x83\x01\x02\x03", "census"},
		"null":                 {"\xf6", "census"},
		"empty":                {"\xa0", "census"},
		"a key more":           {string([]byte{good[0] + 1}) + string(good[1:]) + "\x72" + strings.Repeat("z", 18) + "\x01", "census"},
		"a long integer":       {strings.Replace(string(good), "\x65files\x01", "\x65files\x18\x01", 1), "census"},
		"keys out of order":    {"\xa2\x65files\x01\x61a\x01", "census"},
		"a key twice":          {"\xa2\x65files\x01\x65files\x01", "census"},
		"too large":            {"\x59\x80\x01" + strings.Repeat("x", 32769), "limit"},
		"other sums":           {string(encoded(t, m.Census, func(c *census.Census) { c.Parameters++ })), "the types have"},
		"other millibits":      {string(encoded(t, m.Census, func(c *census.Census) { c.ByType[0].MilliBits++ })), "by_type[0]"},
		"more bytes than are":  {string(encoded(t, m.Census, func(c *census.Census) { c.UnknownTensors, c.UnknownBytes = 1, m.SizeBytes })), "the model has"},
		"more files than are":  {string(encoded(t, m.Census, func(c *census.Census) { c.Files = 2 })), "the model has"},
		"text to the terminal": {string(encoded(t, m.Census, func(c *census.Census) { c.Ignored, c.IgnoredFiles = []string{"a\x1b[2J"}, 1 })), "text"},
	} {
		t.Run(name, func(t *testing.T) {
			if bytes.Equal([]byte(c.census), good) {
				t.Fatal("the case changes nothing")
			}
			ref := counted(m, []byte(c.census))
			if _, err := MarshalReference(nil, ref); err == nil {
				t.Error("written")
			}
			payload, err := attest.Marshal(ref)
			if err != nil {
				t.Fatal(err)
			}
			file, err := json.Marshal(referenceFile{Reference: base64.RawURLEncoding.EncodeToString(payload)})
			if err != nil {
				t.Fatal(err)
			}
			var r References
			if err := r.Add(file, nil); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `model "llama"`) || r.given {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestM3GoesByTheCensusOfTheReferences(t *testing.T) {
	high, low := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)}), measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)})
	stated := func(m engine.Model, c *census.Census) engine.Model { m.Census = c; return m }
	of := func(m engine.Model) []byte { return encoded(t, m.Census, nil) }
	unknown := func(c *census.Census) {
		*c = census.Census{Format: c.Format, Files: 1, Tensors: 1, ByType: []census.TypeCount{}, UnknownTensors: 1, UnknownBytes: 9}
	}
	for name, c := range map[string]struct {
		model    engine.Model
		refs     attest.Reference
		outcome  string
		finding  string
		by       string
		declared string
	}{
		"none stated, as declared":    {stated(high, nil), counted(high, of(high)), "pass", "engine.precision.match", "the node states none", "llama"},
		"none stated, below":          {stated(low, nil), counted(low, of(low)), "violated", "engine.precision.lower", "the node states none", "llama"},
		"under another name":          {stated(low, nil), counted(low, of(low)), "violated", "engine.precision.lower", "the node states none", "other"},
		"of other files":              {stated(low, nil), counted(high, of(high)), "not evaluable", "engine.precision.not_evaluable", "no census", "llama"},
		"neither counted":             {stated(low, nil), counted(low, nil), "not evaluable", "engine.precision.not_evaluable", "no census", "llama"},
		"references count none":       {low, counted(low, nil), "violated", "engine.precision.lower", "are below", "llama"},
		"both equal":                  {high, counted(high, of(high)), "pass", "engine.precision.match", "equal to the node's", "llama"},
		"the node's flatters":         {stated(low, high.Census), counted(low, of(low)), "violated", "engine.precision.lower", "the node states another", "llama"},
		"the node's accuses itself":   {stated(high, low.Census), counted(high, of(high)), "pass", "engine.precision.match", "the node states another", "llama"},
		"they differ, none is below":  {high, counted(high, encoded(t, high.Census, func(c *census.Census) { c.Ignored, c.IgnoredFiles = []string{"a.bin"}, 1 })), "pass", "engine.precision.match", "the node states another", "llama"},
		"the references' cannot tell": {high, counted(high, encoded(t, high.Census, unknown)), "pass", "engine.precision.match", "the references' cannot tell", "llama"},
		"nobody can tell":             {stated(high, nil), counted(high, encoded(t, high.Census, unknown)), "not evaluable", "engine.precision.not_evaluable", "no parameters were counted", "llama"},
	} {
		t.Run(name, func(t *testing.T) {
			e := declaring(t, "bf16", c.model)
			e.Declared.Model = c.declared
			o := wantM3(t, stating(t, refs(t, c.refs), *e), c.outcome, c.finding)
			if !strings.Contains(o.Reason, c.by) {
				t.Errorf("reason %q, want %q", o.Reason, c.by)
			}
		})
	}
}

func TestTheFirstCensusOfAManifestCounts(t *testing.T) {
	high, low := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)}), measuredModel(t, onDisk{"model.safetensors": projection("F8_E4M3", 1)})
	r := refs(t, counted(high, encoded(t, high.Census, nil)))
	other, err := MarshalReference(nil, counted(high, encoded(t, low.Census, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(other, nil); err != nil {
		t.Fatal(err)
	}
	wantM3(t, stating(t, r, *declaring(t, "bf16", high)), "pass", "engine.precision.match")
}

func TestMatchNamesThePublisher(t *testing.T) {
	m := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)})
	seen := func(ref attest.Reference) string {
		for _, f := range stating(t, refs(t, ref), *declaring(t, "bf16", m)).Findings {
			if f.ID == "engine.model.match" {
				return f.Seen
			}
		}
		return ""
	}
	ref := counted(m, nil)
	if s := seen(ref); s == "" || strings.Contains(s, "publisher") {
		t.Errorf("nobody signed: %q", s)
	}
	ref.Models[0].Publisher = &attest.Publisher{Key: digest(0xab), Subject: "Meta Llama"}
	if s := seen(ref); !strings.Contains(s, digest(0xab).String()) || !strings.Contains(s, `"Meta Llama"`) {
		t.Errorf("signed: %q", s)
	}
	// Of another manifest under the same name: not these files.
	ref.Models = append(ref.Models, ref.Models[0])
	ref.Models[0].Publisher = nil
	ref.Models[1].Digest = digest(1)
	if s := seen(ref); s == "" || strings.Contains(s, "publisher") {
		t.Errorf("another manifest is signed: %q", s)
	}
}

func TestReferenceOfTakesTheCensus(t *testing.T) {
	m := measuredModel(t, onDisk{"model.safetensors": projection("BF16", 2)})
	of := func(change func(*engine.Model)) attest.ReferenceModel {
		f, e := newForge(t), declaring(t, "bf16", m)
		change(&e.Models[0])
		f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e}}))
		ref, err := f.verifier(t, f.known(), nil).ReferenceOf(f.make(), f.soon(TierCommunity))
		if err != nil || len(ref.Models) != 1 || ref.Models[0].Publisher != nil {
			t.Fatalf("%+v, %v", ref, err)
		}
		refs(t, *ref)
		return ref.Models[0]
	}
	if got := of(func(*engine.Model) {}); !bytes.Equal(got.Census, encoded(t, m.Census, nil)) {
		t.Errorf("%x", got.Census)
	}
	for name, change := range map[string]func(*engine.Model){
		"none stated":    func(m *engine.Model) { m.Census = nil },
		"of other files": func(m *engine.Model) { m.SizeBytes, m.Entries = 7, nil },
	} {
		if got := of(change); got.Census != nil {
			t.Errorf("%s: %x", name, got.Census)
		}
	}
}
