package modelsig_test

import (
	"crypto/elliptic"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// opened signs and opens a model by files, or by shards where size is not 0.
func opened(t testing.TB, m model, size int, ignore ...string) (*modelsig.Statement, []byte) {
	t.Helper()
	key := newKey(t, elliptic.P256())
	st := statement(m.resources(), filesOf(ignore...))
	if size > 0 {
		ser := shardsOf(size)
		ser["ignore_paths"] = append([]string{}, ignore...)
		st = statement(m.shards(size), ser)
	}
	b := signer{key: key}.sign(t, st)
	return open(t, b, key), b
}

func changes(diffs []modelsig.Difference) string {
	var list []string
	for _, d := range diffs {
		list = append(list, d.Path+" "+string(d.Change))
	}
	return strings.Join(list, ", ")
}

func TestCompareFindsEachDifference(t *testing.T) {
	for _, size := range []int{0, 8} {
		s, _ := opened(t, tiny(), size)
		for want, bend := range map[string]func(m model){
			"":                                func(model) {},
			"config.json different":           func(m model) { m["config.json"] = "[]" },
			"weights/a.safetensors different": func(m model) { m["weights/a.safetensors"] = "aaaaaaaaaaaaaaaaaaaaaab" },
			"weights/b.safetensors different": func(m model) { m["weights/b.safetensors"] += "b" },
			"config.json missing":             func(m model) { delete(m, "config.json") },
			"modeling.py extra":               func(m model) { m["modeling.py"] = "import os" },
			"Config.json extra, config.json missing": func(m model) {
				m["Config.json"] = m["config.json"]
				delete(m, "config.json")
			},
		} {
			m := maps.Clone(tiny())
			bend(m)
			if got := changes(s.Compare(m.files(s), "")); got != want {
				t.Errorf("shard size %d: got %q, want %q", size, got, want)
			}
		}
	}
}

func TestCompareFailsExtraFilesExceptIgnored(t *testing.T) {
	s, _ := opened(t, tiny(), 0, "cache", "notes.txt")
	for path, extra := range map[string]bool{
		".git/config": false, ".gitattributes": false, ".gitignore": false, ".github/a/b": false, "cache/x": false, "cache": false, "notes.txt": false,
		"sub/.git/config": true, ".gitmodules": true, ".git2": true, "cachet": true, "sub/cache/x": true, "notes.txt2": true, "x": true,
	} {
		m := tiny()
		m[path] = "x"
		diffs, ignored := s.Compare(m.files(s), ""), s.Ignored(m.files(s), "")
		if extra != (changes(diffs) == path+" extra") || extra == (len(ignored) == 1 && ignored[0] == path) {
			t.Errorf("%s: differences %q, ignored %q, want extra: %v", path, changes(diffs), ignored, extra)
		}
	}
}

// A name that the signer ignored and signed all the same is signed.
func TestCompareHoldsSignedFilesEvenIfIgnored(t *testing.T) {
	m := tiny()
	m[".gitattributes"] = "*.bin lfs"
	s, _ := opened(t, m, 0, "config.json")
	m[".gitattributes"], m["config.json"] = "other", "other"
	if got := changes(s.Compare(m.files(s), "")); got != ".gitattributes different, config.json different" {
		t.Errorf("got %q", got)
	}
}

func TestCompareExcusesTheBundleItselfOnly(t *testing.T) {
	m := tiny()
	s, b := opened(t, m, 0)
	m["model.sig"] = string(b)
	files := m.files(s)
	if got := s.Compare(files, "model.sig"); got != nil {
		t.Errorf("the bundle in its place: %v", got)
	}
	if got := changes(s.Compare(files, "")); got != "model.sig extra" {
		t.Errorf("a bundle that was not opened from there: %q", got)
	}
	m["model.sig"] = "import os"
	if got := changes(s.Compare(m.files(s), "model.sig")); got != "model.sig extra" {
		t.Errorf("other bytes under the bundle's name: %q", got)
	}
}

func TestCompareDoesNotJudgeWhatWasNotHashed(t *testing.T) {
	for _, size := range []int{0, 8} {
		s, _ := opened(t, tiny(), size)
		files := tiny().files(s)
		files[1].SHA256, files[1].Shards = [32]byte{}, nil
		if got := changes(s.Compare(files, "")); got != "weights/a.safetensors unhashed" {
			t.Errorf("shard size %d: got %q", size, got)
		}
	}
}

func TestShardsNamesRangesOfSignedFilesOnly(t *testing.T) {
	m := model{"w": strings.Repeat("0123456789", 12) + "x", "a:1:2": "0123456789", "empty": ""}
	s, _ := opened(t, m, 10)
	got := s.Shards("w", 121)
	if len(got) != 13 || got[0] != (modelsig.Shard{Start: 0, End: 10}) || got[2].Start != 20 || got[12] != (modelsig.Shard{Start: 120, End: 121}) {
		t.Errorf("got %v", got)
	}
	if got := s.Shards("a:1:2", 10); len(got) != 1 {
		t.Errorf("a path with colons: got %v", got)
	}
	for path, size := range map[string]uint64{"w": 1 << 45, "unsigned": 10, "empty": 0} {
		if got := s.Shards(path, size); got != nil {
			t.Errorf("%s: got %d ranges, want none", path, len(got))
		}
	}
	if got := s.Compare(m.files(s), ""); got != nil {
		t.Errorf("got %v", got)
	}
	if got := s.Ignored(m.files(s), ""); !slices.Equal(got, []string{"empty"}) {
		t.Errorf("empty files have no range and are not covered: got %q", got)
	}
	byFile, _ := opened(t, m, 0)
	if got := byFile.Shards("w", 121); got != nil {
		t.Errorf("files: got %v", got)
	}
	delete(m, "empty")
	if got := changes(byFile.Compare(m.files(byFile), "")); got != "empty missing" {
		t.Errorf("by files an empty file is signed as any other: %q", got)
	}
}

// The reference signer names the file of a single-file model ".".
func TestCompareTakesTheOnlyFileOfASingleFileModel(t *testing.T) {
	for _, size := range []int{0, 4} {
		s, _ := opened(t, model{".": "gguf..."}, size)
		good := model{"llama.gguf": "gguf...", ".git/x": "1"}
		if got := s.Compare(good.files(s), ""); got != nil {
			t.Errorf("got %v", got)
		}
		if got := changes(s.Compare(model{"llama.gguf": "gguf..!"}.files(s), "")); got != "llama.gguf different" {
			t.Errorf("got %q", got)
		}
		if got := changes(s.Compare(model{"a.gguf": "gguf...", "b": "x"}.files(s), "")); got != ". missing, a.gguf extra, b extra" {
			t.Errorf("got %q", got)
		}
		if got := changes(s.Compare(nil, "")); got != ". missing" {
			t.Errorf("got %q", got)
		}
	}
}

// Many files, many ignored paths, many levels: no product of them.
func TestCompareStaysLinear(t *testing.T) {
	m, ignore := model{}, make([]string, modelsig.MaxIgnorePaths)
	for i := range 20_000 {
		m[fmt.Sprintf("d%05d/%s", i, strings.Repeat("x/", 20)+"f")] = ""
	}
	for i := range ignore {
		ignore[i] = fmt.Sprintf("ignored/%d", i)
	}
	s, _ := opened(t, m, 0, ignore...)
	var extra []modelsig.File
	for i := range 20_000 {
		extra = append(extra, modelsig.File{Path: fmt.Sprintf("e%05d/%s", i, strings.Repeat("x/", 20)+"f"), SHA256: sha256.Sum256(nil)})
	}
	if got := len(s.Compare(append(m.files(s), extra...), "")); got != len(extra) {
		t.Errorf("%d differences, want %d", got, len(extra))
	}
}
