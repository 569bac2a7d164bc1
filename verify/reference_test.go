package verify

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

func digest(b byte) attest.Digest { return attest.Digest{b} }

func refs(t *testing.T, r attest.Reference) *References {
	t.Helper()
	b, err := MarshalReference(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	out := &References{}
	if err := out.Add(b, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReferencesTellUnknownFromDifferent(t *testing.T) {
	file := attest.FileDigest{Size: 1, FSVerity: digest(1), SHA256: digest(2)}
	r := refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "llama", Digest: digest(1)}, {Name: "llama", Digest: digest(2)}},
		Executables: []attest.ReferenceExecutable{{Name: "server", Role: attest.RoleEngine, File: file}}})
	for _, c := range []struct {
		name string
		d    attest.Digest
		want verdict
	}{{"llama", digest(1), matchesReference}, {"llama", digest(2), matchesReference}, {"llama", digest(3), differsFromReference},
		{"qwen", digest(3), unknownReference}, {"qwen", digest(1), unknownReference}, {"", digest(2), unknownReference}} {
		if got := r.model(c.name, &engine.Model{Digest: c.d[:]}); got != c.want {
			t.Errorf("model %s %s: %v, want %v", c.name, c.d.Short(), got, c.want)
		}
	}
	other := file
	other.SHA256 = digest(9)
	for _, c := range []struct {
		role attest.Role
		name string
		d    attest.FileDigest
		want verdict
	}{{attest.RoleEngine, "server", file, matchesReference}, {attest.RoleEngine, "server", other, differsFromReference},
		{attest.RoleLibrary, "server", file, unknownReference}, {attest.RoleEngine, "python3", file, unknownReference}} {
		if got, _ := r.program(c.role, c.name, c.d); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.role, c.name, got, c.want)
		}
	}
}

func TestOneDigestMayHaveTwoNames(t *testing.T) {
	d := digest(1)
	r := refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "llama", Digest: d}, {Name: "Llama-3.1", Digest: d}}})
	for _, name := range []string{"llama", "Llama-3.1"} {
		if got := r.model(name, &engine.Model{Digest: d[:]}); got != matchesReference {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestEqualWeightsBesideOtherFilesAreToldApart(t *testing.T) {
	entry := func(path string, b byte) attest.ModelFile {
		return attest.ModelFile{Path: path, Size: 1, FSVerity: digest(b)}
	}
	r := refs(t, attest.Reference{Models: []attest.ReferenceModel{{Name: "llama", Digest: digest(9), Files: 3,
		Entries: []attest.ModelFile{entry("README.md", 1), entry("a.safetensors", 2), entry("b.safetensors", 3)}}}})
	for name, c := range map[string]struct {
		files engine.Manifest
		want  verdict
	}{
		"no README":       {engine.Manifest{{Path: "a.safetensors", Size: 1, FSVerity: digest(2)}, {Path: "b.safetensors", Size: 1, FSVerity: digest(3)}}, sameWeights},
		"a weight less":   {engine.Manifest{{Path: "a.safetensors", Size: 1, FSVerity: digest(2)}}, differsFromReference},
		"a weight more":   {engine.Manifest{{Path: "a.safetensors", FSVerity: digest(2)}, {Path: "b.safetensors", FSVerity: digest(3)}, {Path: "c.safetensors", FSVerity: digest(4)}}, differsFromReference},
		"a weight other":  {engine.Manifest{{Path: "a.safetensors", FSVerity: digest(2)}, {Path: "b.safetensors", FSVerity: digest(7)}}, differsFromReference},
		"names exchanged": {engine.Manifest{{Path: "a.safetensors", FSVerity: digest(3)}, {Path: "b.safetensors", FSVerity: digest(2)}}, differsFromReference},
		"only a README":   {engine.Manifest{{Path: "README.md", FSVerity: digest(1)}}, differsFromReference},
	} {
		d := digest(0x55)
		if got := r.model("llama", &engine.Model{Digest: d[:], Entries: c.files}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestReferenceKeyRefusesUnsignedAndForeignFiles(t *testing.T) {
	key, other := newKey(t), newKey(t)
	bare, err := MarshalReference(nil, attest.Reference{})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := MarshalReference(key, attest.Reference{})
	if err != nil {
		t.Fatal(err)
	}
	if err := new(References).Add(bare, &key.PublicKey); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("unsigned: %v", err)
	}
	if err := new(References).Add(signed, &other.PublicKey); err == nil {
		t.Error("a foreign signer passed")
	}
	for _, b := range [][]byte{bare, signed} {
		if err := new(References).Add(b, nil); err != nil {
			t.Errorf("named on the command line: %v", err)
		}
	}
	if err := new(References).Add(signed, &key.PublicKey); err != nil {
		t.Error(err)
	}
}
