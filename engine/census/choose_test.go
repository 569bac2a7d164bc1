package census_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

func shardA() census.File {
	return safetensors(st{"a", "BF16", s(10)}).file("model-00001-of-00002.safetensors")
}
func shardB() census.File {
	return safetensors(st{"b", "BF16", s(20)}).file("model-00002-of-00002.safetensors")
}

func index(pairs ...string) census.File {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, fmt.Sprintf("%q:%q", pairs[i], pairs[i+1]))
	}
	return text("model.safetensors.index.json", `{"metadata":{"total_size":60},"weight_map":{`+strings.Join(list, ",")+`}}`)
}

const nameA, nameB = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"

// TestIndexIsFollowed: what the index does not name is not the model.
func TestIndexIsFollowed(t *testing.T) {
	other := safetensors(st{"c", "F32", s(1000)})
	c, absent := must(t, shardA(), shardB(), index("a", nameA, "b", nameB), other.file("consolidated.safetensors"), other.file("original/model.safetensors"),
		other.file("adapter_model.safetensors"), text("pytorch_model.bin", "x"))
	want := []string{"adapter_model.safetensors", "consolidated.safetensors", "original/model.safetensors", "pytorch_model.bin"}
	if c.Parameters != 30 || c.Files != 2 || !slices.Equal(c.Ignored, want) || c.IgnoredFiles != 4 {
		t.Errorf("%+v", c)
	}
	if !hasAbsence(absent, "census.config", "no config.json") {
		t.Errorf("absences %v", absent)
	}
	if c, _ := must(t, shardA(), shardB()); c.Parameters != 30 || c.Files != 2 {
		t.Errorf("without an index: %+v", c)
	}
}

func TestIndexRejects(t *testing.T) {
	for name, c := range map[string]struct {
		index census.File
		want  string
	}{
		"a tensor in another shard":    {index("a", nameB, "b", nameB), `which no shard has`},
		"swapped shards":               {index("a", nameB, "b", nameA), `looks for tensor "a"`},
		"a tensor that no shard has":   {index("a", nameA, "b", nameB, "c", nameB), `tensor "c", which no shard has`},
		"a shard that is not there":    {index("a", nameA, "b", nameB, "c", "model-3.safetensors"), "names 3 files, 2 of them"},
		"a tensor twice":               {index("a", nameA, "b", nameB, "a", nameA), "twice"},
		"a path out of the folder":     {index("a", nameA, "b", "../"+nameB), "no file name"},
		"no weight map":                {text("model.safetensors.index.json", `{}`), "0 weight maps"},
		"two weight maps":              {text("model.safetensors.index.json", `{"weight_map":{},"weight_map":{}}`), "2 weight maps"},
		"an empty weight map":          {index(), "names 0 files"},
		"something that is not a text": {text("model.safetensors.index.json", `{"weight_map":{"a":1}}`), "expected"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, attest.Failed, c.want, shardA(), shardB(), c.index)
		})
	}
	second := index("a", nameA, "b", nameB)
	second.Path = "other.safetensors.index.json"
	refused(t, attest.Failed, "two indexes", shardA(), shardB(), index("a", nameA, "b", nameB), second)
	left := safetensors(st{"a", "BF16", s(10)}, st{"z", "BF16", s(10)}).file(nameA)
	refused(t, attest.Failed, `leaves out tensor "z"`, left, shardB(), index("a", nameA, "b", nameB))
}

// TestModelsThatAreNotOneAreRefused: which of two models is meant is not for the census to guess.
func TestModelsThatAreNotOneAreRefused(t *testing.T) {
	g := gguf([]kv{{"general.architecture", "llama"}}, gt{"a", 0, s(8)})
	split := func(no, count uint16, total int32, name string) sparse {
		return gguf([]kv{{"general.architecture", "llama"}, {"split.no", no}, {"split.count", count}, {"split.tensors.count", total}}, gt{name, 0, s(8)})
	}
	refused(t, attest.Failed, "two models", g.file("a.gguf"), g.file("b.gguf"))
	refused(t, attest.Failed, "two models", g.file("a.gguf"), shardA())
	refused(t, attest.Failed, "weights in a and in b", safetensors(st{"a", "BF16", s(10)}).file("a/x.safetensors"), safetensors(st{"b", "BF16", s(10)}).file("b/x.safetensors"))
	refused(t, attest.Failed, `tensor "a" stands in`, shardA(), safetensors(st{"a", "BF16", s(10)}).file("copy.safetensors"))
	refused(t, attest.NotPresent, "no safetensors or GGUF", text("config.json", "{}"))
	refused(t, attest.NotSupported, "pytorch_model.bin", text("pytorch_model.bin", "x"))
	refused(t, attest.Failed, "2 parts, 1 are there", split(0, 2, 2, "a").file("m-00001-of-00002.gguf"))
	refused(t, attest.Failed, "do not belong", split(0, 2, 2, "a").file("m-1.gguf"), split(0, 2, 2, "b").file("m-2.gguf"))
	refused(t, attest.Failed, "do not belong", split(0, 2, 2, "a").file("m-1.gguf"), split(1, 3, 2, "b").file("m-2.gguf"))
	refused(t, attest.Failed, "in two parts", split(0, 2, 2, "a").file("m-1.gguf"), split(1, 2, 2, "a").file("m-2.gguf"))
	refused(t, attest.Failed, "3 are stated", split(0, 2, 3, "a").file("m-1.gguf"), split(1, 2, 3, "b").file("m-2.gguf"))

	if c, _ := must(t, split(1, 2, 2, "b").file("m-2.gguf"), split(0, 2, 2, "a").file("m-1.gguf")); c.Parameters != 16 || c.Files != 2 {
		t.Errorf("split: %+v", c)
	}
	projector := gguf([]kv{{"general.architecture", "clip"}}, gt{"v", 1, s(8)})
	if c, _ := must(t, g.file("m.gguf"), projector.file("mmproj.gguf")); c.Parameters != 8 || c.Files != 1 || c.IgnoredFiles != 1 {
		t.Errorf("projector: %+v", c)
	}
	refused(t, attest.NotPresent, "no safetensors or GGUF", projector.file("mmproj.gguf"))
	if c, _ := must(t, g.file("sha256-0123"), text("LICENSE", strings.Repeat("x", 100))); c.Parameters != 8 {
		t.Errorf("blob: %+v", c)
	}
}
