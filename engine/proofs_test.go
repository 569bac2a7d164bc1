package engine

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

// proving is a model of every shape of file that there is, measured.
type proving struct {
	*Collector
	dir      string
	manifest Manifest
	digest   attest.Digest
}

// big has three levels of tree blocks: more than 64 MiB, all but two blocks of it a hole.
const big = 65<<20 + 5

func newProving(t *testing.T) *proving {
	t.Helper()
	p := &proving{dir: t.TempDir()}
	write(t, filepath.Join(p.dir, "a-empty"), "")
	write(t, filepath.Join(p.dir, "b-byte"), "x")
	write(t, filepath.Join(p.dir, "c-short"), strings.Repeat("y", 3*4096+7))
	patterned(t, filepath.Join(p.dir, "d.gguf"), 2<<20+100)
	f := must(os.Create(filepath.Join(p.dir, "e.safetensors")))
	must(f.WriteAt([]byte("first"), 0))
	must(f.WriteAt([]byte("last"), big-4))
	f.Close()
	write(t, filepath.Join(p.dir, "z-empty"), "")
	p.Collector = collector(t, live, stored(t.TempDir()), EngineConfig{Name: "e", Endpoint: "http://127.0.0.1:1", Models: []string{p.dir}})
	return p
}

// measure collects until all files are hashed.
func (p *proving) measure(t *testing.T) {
	t.Helper()
	collect(t, p.Collector)
	background(t, p.digests)
	m := collect(t, p.Collector).Engines[0].Models[0]
	if !m.Complete {
		t.Fatalf("%+v", m)
	}
	p.manifest, p.digest = m.Entries, attest.Digest(m.Digest)
}

func (p *proving) ask(ctx context.Context, nonce byte, n uint32) attest.BlockAnswer {
	return p.Blocks(ctx, attest.Nonce{nonce}, []attest.BlockRequest{{Count: n, Model: p.digest}})[0]
}

func TestBlockAtCountsOverTheFilesInOrder(t *testing.T) {
	m := Manifest{{Path: "a"}, {Path: "b", Size: 1}, {Path: "c"}, {Path: "d", Size: 4097}, {Path: "e"}, {Path: "f", Size: 4096}}
	if m.Blocks() != 4 {
		t.Fatal(m.Blocks())
	}
	for n, want := range [][2]int64{{1, 0}, {3, 0}, {3, 1}, {5, 0}, {-1, 0}} {
		if i, b := m.BlockAt(uint64(n)); int64(i) != want[0] || b != want[1] {
			t.Errorf("block %d: %d, %d", n, i, b)
		}
	}
	if i, _ := (Manifest{}).BlockAt(1 << 63); i != -1 {
		t.Error("a block of nothing")
	}
}

func TestBlocksOfAModelLeadToItsFiles(t *testing.T) {
	p := newProving(t)
	p.measure(t)
	hit := map[string]bool{}
	for nonce := range byte(8) {
		a := p.ask(t.Context(), nonce, attest.MaxBlocks)
		if a.Absent != nil || len(a.Proofs) != attest.MaxBlocks {
			t.Fatalf("%+v", a.Absent)
		}
		if err := attest.CheckBlockAnswers([]attest.BlockAnswer{a}); err != nil {
			t.Fatal(err)
		}
		for j, path := range a.BlockPaths() {
			i, index := p.manifest.BlockAt(attest.BlockIndex(attest.Nonce{nonce}, p.digest, uint32(j), p.manifest.Blocks()))
			e := p.manifest[i]
			hit[e.Path] = true
			if err := fsverity.VerifyBlock(e.FSVerity, int64(e.Size), nil, index, a.Proofs[j].Block, path); err != nil {
				t.Fatal(err)
			}
			if want := section(t, filepath.Join(p.dir, e.Path), index); !bytes.Equal(want, a.Proofs[j].Block) {
				t.Fatalf("%s: block %d is another", e.Path, index)
			}
		}
	}
	if !hit["d.gguf"] || !hit["e.safetensors"] || hit["a-empty"] {
		t.Errorf("files met: %v", hit)
	}
}

func section(t *testing.T, name string, block int64) []byte {
	b := make([]byte, 4096)
	f := must(os.Open(name))
	defer f.Close()
	n, _ := f.ReadAt(b, block*4096)
	return b[:n]
}

func TestShortAndSingleBlocksAreProved(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "one"), "x")
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "e", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	m := collect(t, c).Engines[0].Models[0]
	a := c.Blocks(t.Context(), attest.Nonce{1}, []attest.BlockRequest{{Count: 2, Model: attest.Digest(m.Digest)}})[0]
	if len(a.Proofs) != 2 || len(a.Nodes) != 0 || string(a.Proofs[1].Block) != "x" || len(a.Proofs[1].Path) != 0 {
		t.Errorf("%+v", a)
	}
}

// TestProofIsSmallAndReadsOneSpan holds the numbers of docs/kinds/engine.md: one
// proof is at most 21 KiB and reads at most 512 KiB of the file.
func TestProofIsSmallAndReadsOneSpan(t *testing.T) {
	p := newProving(t)
	p.measure(t)
	f := must(os.Open(filepath.Join(p.dir, "e.safetensors")))
	defer f.Close()
	b := must(p.digests.Blocks(t.Context(), f))
	defer b.Close()
	most := uint64(0)
	for range 20 {
		index := rand.Int64N(fsverity.Blocks(big))
		before := read(t)
		block, path, err := b.At(t.Context(), index)
		most = max(most, read(t)-before)
		if err != nil || len(path) != 3 {
			t.Fatal(len(path), err)
		}
		one := must(attest.Marshal(attest.NewBlockAnswer(p.digest, [][]byte{block}, [][][]byte{path})))
		if len(one) > 21<<10 {
			t.Errorf("a proof of %d bytes", len(one))
		}
	}
	// 4 KiB and 32 bytes of sums, and what reading the count costs itself.
	if most > 512<<10+4096+32+4096 || most < 4096 {
		t.Errorf("a proof reads %d bytes", most)
	}
	whole := must(attest.Marshal(p.ask(t.Context(), 1, attest.MaxBlocks)))
	t.Logf("at most %d bytes read for a block; %d blocks of 3 levels are %d bytes", most, attest.MaxBlocks, len(whole))
}

// read is how many bytes this process has read by system calls.
func read(t *testing.T) uint64 {
	t.Helper()
	text, _, _ := strings.Cut(strings.TrimPrefix(string(must(os.ReadFile("/proc/self/io"))), "rchar: "), "\n")
	return must(strconv.ParseUint(text, 10, 64))
}

func TestBlocksThatCannotBeProvedHaveAReason(t *testing.T) {
	wants := func(what string, a attest.BlockAnswer, r attest.Reason) {
		t.Helper()
		if a.Absent == nil || a.Absent.Reason != r || a.Absent.Detail == "" || len(a.Proofs) != 0 {
			t.Errorf("%s: %+v, %d proofs", what, a.Absent, len(a.Proofs))
		}
		if err := attest.CheckBlockAnswers([]attest.BlockAnswer{a}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	p := newProving(t)
	p.digest = attest.Digest{1}
	wants("before anything is measured", p.ask(t.Context(), 1, 8), attest.NotYet)
	p.measure(t)
	known := p.digest
	p.digest = attest.Digest{1}
	wants("another model", p.ask(t.Context(), 1, 8), attest.NotPresent)
	p.digest = known

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	wants("an asker who left", p.ask(gone, 1, 8), attest.Timeout)

	p.proofs.turn <- struct{}{}
	short, cancel := context.WithTimeout(t.Context(), 1)
	wants("behind other proofs", p.ask(short, 1, 8), attest.Timeout)
	cancel()
	<-p.proofs.turn

	files := must(filepath.Glob(filepath.Join(p.digests.opt.StateDir, "*.sums")))
	for _, f := range files {
		if err := os.Rename(f, f+".away"); err != nil {
			t.Fatal(err)
		}
	}
	wants("without sums", p.ask(t.Context(), 1, 32), attest.Failed)
	for _, f := range files {
		if err := os.Rename(f+".away", f); err != nil {
			t.Fatal(err)
		}
	}
	if a := p.ask(t.Context(), 1, 32); a.Absent != nil {
		t.Errorf("sums are back: %+v", a.Absent)
	}

	write(t, filepath.Join(p.dir, "config.json"), "{}")
	wants("a file more", p.ask(t.Context(), 1, 8), attest.Changed)
	if err := os.Remove(filepath.Join(p.dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	f := must(os.OpenFile(filepath.Join(p.dir, "e.safetensors"), os.O_WRONLY, 0))
	must(f.WriteAt([]byte("other"), 1<<20))
	f.Close()
	wants("a byte written since", p.ask(t.Context(), 1, 8), attest.Changed)
}

func TestModelOfEmptyFilesHasNoBlocks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "")
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "e", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	m := collect(t, c).Engines[0].Models[0]
	a := c.Blocks(t.Context(), attest.Nonce{1}, []attest.BlockRequest{{Count: 1, Model: attest.Digest(m.Digest)}})[0]
	if a.Absent == nil || a.Absent.Reason != attest.NotPresent {
		t.Errorf("%+v", a)
	}
}
