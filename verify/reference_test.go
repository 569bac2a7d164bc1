package verify

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
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
		{"qwen", digest(3), unknownReference}, {"", digest(2), matchesReference}, {"", digest(3), unknownReference}} {
		if got, _ := r.model(c.name, c.d); got != c.want {
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
