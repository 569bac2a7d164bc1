package engine

import (
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkCollectCached is what a challenge costs once digests are at hand: the
// process table of this machine, and a stat per file of a model of 200 files.
func BenchmarkCollectCached(b *testing.B) {
	dir := b.TempDir()
	for i := range 200 {
		write(b, filepath.Join(dir, strconv.Itoa(i)), "x")
	}
	c, err := NewCollector(Config{[]EngineConfig{{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}}}, live, NewDigests(DigestOptions{Now: ahead}), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Collect(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
