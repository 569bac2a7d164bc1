package modelsig_test

import (
	"slices"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// However the bytes are cut when they arrive, the hasher gives what the model's own files give.
func TestHasherEqualsFilesHoweverTheBytesArrive(t *testing.T) {
	for _, size := range []int{0, 1, 7, 8, 1000} {
		s, bundle := opened(t, tiny(), size)
		m := tiny()
		m["model.sig"], m["other.txt"] = string(bundle), "not signed"
		for _, cut := range []int{1, 3, 8, 100000} {
			var files []modelsig.File
			for _, f := range m.files(s) {
				h := s.Hasher(f.Path, f.Size, "model.sig")
				for part := range slices.Chunk([]byte(m[f.Path]), cut) {
					if n, err := h.Write(part); n != len(part) || err != nil {
						t.Fatal(n, err)
					}
				}
				if got := h.File(); !slices.Equal(got.Shards, f.Shards) || got.Shards == nil && got.SHA256 != f.SHA256 {
					t.Errorf("ranges of %d, cut %d, %s: %+v, want %+v", size, cut, f.Path, got, f)
				}
				files = append(files, h.File())
			}
			if got := changes(s.Compare(files, "model.sig")); got != "other.txt extra" {
				t.Errorf("ranges of %d, cut %d: %q", size, cut, got)
			}
		}
	}
}

func TestHasherOfAFileThatEndsEarlyIsNotJudged(t *testing.T) {
	s, _ := opened(t, model{"w": "0123456789"}, 4)
	h := s.Hasher("w", 10, "")
	h.Write([]byte("012345678"))
	if got := changes(s.Compare([]modelsig.File{h.File()}, "")); got != "w unhashed" {
		t.Errorf("%q", got)
	}
	h.Write([]byte("9 and more"))
	if got := changes(s.Compare([]modelsig.File{h.File()}, "")); got != "" {
		t.Errorf("%q", got)
	}
}
