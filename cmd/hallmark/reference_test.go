package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/verify"
)

func TestReferenceOfAModelKeepsItsCensus(t *testing.T) {
	header := `{"model.norm.weight":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}`
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "ref.json")
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), append(file, make([]byte, 8)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := createReference(t.Context(), dir, referenceFlags{out: out, name: "m"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := new(verify.References).Add(b, nil); err != nil {
		t.Fatal(err)
	}
	var f struct{ Reference string }
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.RawURLEncoding.DecodeString(f.Reference)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := attest.ParseReference(payload)
	if err != nil || len(ref.Models) != 1 || ref.Models[0].Publisher != nil {
		t.Fatalf("%+v, %v", ref, err)
	}
	c, err := census.Parse(ref.Models[0].Census)
	if err != nil || c.Parameters != 4 || len(c.ByType) != 1 || c.ByType[0].Type != "bf16" {
		t.Errorf("%+v, %v", c, err)
	}
}
