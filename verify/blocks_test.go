package verify

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
)

// blockWorld is a node that is asked for blocks of a model of which all bytes are known here.
type blockWorld struct {
	*forge
	files    []io.ReaderAt
	manifest engine.Manifest
	model    attest.Digest
	asked    []attest.BlockRequest
	edit     func([]attest.BlockAnswer) []attest.BlockAnswer // of what the node proves
	prove    func(j uint32) uint32                           // whose block it proves in place of j's
	listed   bool                                            // the claims list the model's files
}

// stripes are contents that differ from block to block.
type stripes struct{ size int64 }

func (s stripes) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), max(0, s.size-off)))
	for i := 0; i < n; {
		at := off + int64(i)
		end := min(n, i+int(4096-at%4096))
		for v := byte(at / 4096 % 251); i < end; i++ {
			p[i] = v
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// newBlockWorld is asked for n blocks of a model with these sizes of files.
func newBlockWorld(t testing.TB, n uint32, sizes ...int64) *blockWorld {
	t.Helper()
	w := &blockWorld{forge: newForge(t), prove: func(j uint32) uint32 { return j }, listed: true}
	for i, size := range sizes {
		d, err := fsverity.Digest(t.Context(), stripes{size}, size, fsverity.Options{})
		if err != nil {
			t.Fatal(err)
		}
		w.files = append(w.files, stripes{size})
		w.manifest = append(w.manifest, engine.Entry{Path: string(rune('a' + i)), Size: uint64(size), FSVerity: d})
	}
	d, err := w.manifest.Digest()
	if err != nil {
		t.Fatal(err)
	}
	w.model = d
	w.asked = []attest.BlockRequest{{Count: n, Model: d}}
	w.challenge = func(c *attest.Challenge) { c.Blocks = w.asked }
	w.answer = func(a *attest.Answer) {
		a.Blocks = []attest.BlockAnswer{w.proofs(n)}
		if w.edit != nil {
			a.Blocks = w.edit(a.Blocks)
		}
	}
	return w
}

// nonce is the forge's.
func (w *blockWorld) nonce() attest.Nonce {
	var c attest.Challenge
	keep := w.challenge
	w.challenge = func(got *attest.Challenge) { c = *got }
	answer := w.answer
	w.answer = nil
	w.forge.make()
	w.challenge, w.answer = keep, answer
	return c.Nonce
}

func (w *blockWorld) proofs(n uint32) attest.BlockAnswer {
	w.t.Helper()
	nonce := w.nonce()
	var blocks [][]byte
	var paths [][][]byte
	for j := range n {
		i, index := w.manifest.BlockAt(attest.BlockIndex(nonce, w.model, w.prove(j), w.manifest.Blocks()))
		size := int64(w.manifest[i].Size)
		var sums []byte
		if _, err := fsverity.Digest(w.t.Context(), w.files[i], size, fsverity.Options{Sums: func(s []byte) error { sums = append(sums, s...); return nil }}); err != nil {
			w.t.Fatal(err)
		}
		tree, err := fsverity.NewTree(bytes.NewReader(sums), size, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		block, path, err := tree.Path(w.t.Context(), w.files[i], index)
		if err != nil {
			w.t.Fatal(err)
		}
		blocks, paths = append(blocks, block), append(paths, path)
	}
	return attest.NewBlockAnswer(w.model, blocks, paths)
}

// state puts the model into the engine's claims.
func (w *blockWorld) state() {
	e := serving(w.t)
	e.Weights = []engine.Weight{}
	c := engine.Claims{ObtainedAt: ms(w.at), How: "procfs", Engines: []engine.Engine{*e}}
	m := engine.Model{Path: "/m", Complete: true, Digest: w.model[:], SizeBytes: w.manifest.Size(), Files: uint64(len(w.manifest)),
		Freshness: engine.FreshHashed, OldestMs: 1, Entries: w.manifest}
	if !w.listed {
		m.Entries = nil
		c.Absent = []attest.Absence{attest.Absent("engines[0].models[0].entries", attest.Oversize, "forged")}
	}
	c.Engines[0].Models = []engine.Model{m}
	w.claims[attest.KindEngine] = w.must(attest.Marshal(c))
}

func (w *blockWorld) result(refs *References) *Result {
	w.t.Helper()
	w.state()
	r, err := w.judgeWith(w.known(), refs, w.soon(TierCommunity))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// blockCase is one thing wrong, or right, with an answer to a challenge for blocks; each is a vector.
type blockCase struct {
	name, comment, expect string
	says                  []string
	change                func(*blockWorld)
}

// vectorSizes are of an empty file, one of one block, one of four with a short last one, an empty one, and one of two levels.
var vectorSizes = []int64{0, 1, 3*4096 + 7, 0, 128*4096 + 5}

func blockCases() []blockCase {
	const wrong = "weights.blocks.wrong"
	one := func(edit func(*attest.BlockAnswer)) func(*blockWorld) {
		return func(w *blockWorld) {
			w.edit = func(list []attest.BlockAnswer) []attest.BlockAnswer { edit(&list[0]); return list }
		}
	}
	return []blockCase{
		{"good-blocks", "three blocks that the nonce picked, over files of five shapes", accepted, []string{"+weights.blocks.ok"}, func(*blockWorld) {}},
		{"good-blocks-absent", "the node says that it cannot prove blocks yet", accepted, []string{"!weights.blocks.absent", "-weights.blocks.ok"}, func(w *blockWorld) {
			w.edit = func([]attest.BlockAnswer) []attest.BlockAnswer {
				return []attest.BlockAnswer{attest.NoBlocks(w.model, attest.NotYet, "being hashed")}
			}
		}},
		{"good-blocks-unlisted", "nobody lists the files of the model", accepted, []string{"?weights.blocks.not_evaluable", "-weights.blocks.ok"}, func(w *blockWorld) { w.listed = false }},
		{"blocks-byte", "a byte of a block is another", wrong, nil, one(func(a *attest.BlockAnswer) { a.Proofs[0].Block[0] ^= 1 })},
		{"blocks-tree-byte", "a byte of a tree block is another", wrong, nil, one(func(a *attest.BlockAnswer) { a.Nodes[len(a.Nodes)-1][4095] ^= 1 })},
		{"blocks-other-order", "the proofs are in another order", wrong, nil, func(w *blockWorld) { w.prove = func(j uint32) uint32 { return 2 - j } }},
		{"blocks-other-block", "a good proof of another block", wrong, nil, func(w *blockWorld) { w.prove = func(uint32) uint32 { return 0 } }},
		{"blocks-missing", "a proof is missing", wrong, nil, func(w *blockWorld) {
			w.edit = func([]attest.BlockAnswer) []attest.BlockAnswer { return []attest.BlockAnswer{w.proofs(2)} }
		}},
		{"blocks-more", "a proof too many", wrong, nil, func(w *blockWorld) {
			w.edit = func([]attest.BlockAnswer) []attest.BlockAnswer { return []attest.BlockAnswer{w.proofs(4)} }
		}},
		{"blocks-other-model", "the answer is about another model", wrong, nil, one(func(a *attest.BlockAnswer) { a.Model[0] ^= 1 })},
		{"answer-blocks-unasked", "proofs that nobody asked for", "answer.malformed", nil, func(w *blockWorld) { w.asked = nil }},
		{"answer-blocks-missing", "no proofs, and no word about them", "answer.malformed", nil, func(w *blockWorld) {
			w.edit = func([]attest.BlockAnswer) []attest.BlockAnswer { return nil }
		}},
		{"answer-blocks-tree-twice", "a tree block is sent twice", "answer.malformed", nil, one(func(a *attest.BlockAnswer) { a.Nodes = append(a.Nodes, a.Nodes[0]) })},
		{"challenge-blocks-many", "more than 32 blocks are asked for", "challenge.malformed", nil, func(w *blockWorld) { w.asked[0].Count = attest.MaxBlocks + 1 }},
	}
}

func TestBlocksHaveTheirFindings(t *testing.T) {
	for _, c := range blockCases() {
		t.Run(c.name, func(t *testing.T) {
			w := newBlockWorld(t, 3, vectorSizes...)
			c.change(w)
			r := w.result(nil)
			if got := outcome(r); got != c.expect {
				t.Errorf("got %s, want %s\n%+v", got, c.expect, r.Findings)
			}
			wants(t, r, c.says...)
		})
	}
}

func (c blockCase) vector(t testing.TB) vector {
	w := newBlockWorld(t, 3, vectorSizes...)
	c.change(w)
	w.state()
	return vector{comment: c.comment, expect: c.expect, at: w.soon("").At, validator: &w.validator.PublicKey, node: w.nodeFile(), record: w.forge.make(), says: c.says}
}

// Every byte of a proof counts: of the block, of each tree block, and which tree blocks the path names.
func TestEveryByteOfAProofCounts(t *testing.T) {
	w := newBlockWorld(t, 4, 0, 1, 70<<20, 5000) // three levels
	good := w.proofs(4)
	nonce, r := w.nonce(), w.asked[0]
	if err := proveBlocks(w.manifest, nonce, r, &good); err != nil {
		t.Fatal(err)
	}
	if n := slices.MaxFunc(good.Proofs, func(a, b attest.BlockProof) int { return len(a.Path) - len(b.Path) }); len(n.Path) != 3 {
		t.Fatalf("no proof of three levels: %d", len(n.Path))
	}
	refused := func(what string) {
		t.Helper()
		if proveBlocks(w.manifest, nonce, r, &good) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	for i, n := range good.Nodes {
		for _, at := range []int{0, 31, 32, 2048, 4095} {
			n[at] ^= 0x80
			refused("tree block " + string(rune('0'+i)))
			n[at] ^= 0x80
		}
	}
	for j := range good.Proofs {
		p := &good.Proofs[j]
		for _, at := range []int{0, len(p.Block) / 2, len(p.Block) - 1} {
			p.Block[at] ^= 1
			refused("block")
			p.Block[at] ^= 1
		}
		block, path := p.Block, p.Path
		p.Block = append(slices.Clone(block), 0)
		refused("longer block")
		p.Block = block[:len(block)-1]
		refused("shorter block")
		p.Block = block
		if len(path) > 0 {
			p.Path = path[1:]
			refused("path without its lowest level")
			p.Path = path[:len(path)-1]
			refused("path without its root")
			p.Path = append(slices.Clone(path), path[len(path)-1])
			refused("path with two roots")
		}
		if len(path) > 1 {
			p.Path = slices.Clone(path)
			slices.Reverse(p.Path)
			refused("path upside down")
		}
		p.Path = path
	}
	other := nonce
	other[31] ^= 1
	if proveBlocks(w.manifest, other, r, &good) == nil {
		t.Error("an answer to another nonce is accepted")
	}
	if err := proveBlocks(w.manifest, nonce, r, &good); err != nil {
		t.Error("the test spoilt its proofs", err)
	}
}

func TestBlocksAreJudgedByTheReferencesListToo(t *testing.T) {
	w := newBlockWorld(t, 3, vectorSizes...)
	w.listed = false
	known := refs(t, attest.Reference{Models: []attest.ReferenceModel{ModelReference("llama", w.manifest, w.model, w.manifest.Size(), uint64(len(w.manifest)))}})
	r := w.result(known)
	wants(t, r, "+weights.blocks.ok")
	if seen := seenOf(r, "weights.blocks.ok"); !strings.Contains(seen, "3 of 3 blocks of 134") || !strings.Contains(seen, "within 19 ms") || !strings.Contains(seen, "97 %, of 10 % with 73 %") {
		t.Errorf("%q", seen)
	}
	if d := known.ModelDigests(); len(d) != 1 || d[0] != w.model {
		t.Errorf("%v", d)
	}
}

func TestModelWithoutBlocksProvesNothing(t *testing.T) {
	w := newBlockWorld(t, 1, 0, 0)
	w.answer = func(a *attest.Answer) {
		a.Blocks = []attest.BlockAnswer{{Model: w.model, Nodes: [][]byte{}, Proofs: []attest.BlockProof{{Block: []byte{1}, Path: []uint32{}}}}}
	}
	wants(t, w.result(nil), "xweights.blocks.wrong")
}

// The ground floor has its own words for what package fsverity says.
func TestBlockLimitsAreThoseOfFSVerity(t *testing.T) {
	if attest.BlockBytes != fsverity.BlockSize || attest.MaxBlockPath != fsverity.MaxLevels {
		t.Error("limits differ")
	}
}

func TestInspectShowsSizesOfProofsAndNoWeights(t *testing.T) {
	w := newBlockWorld(t, 3, vectorSizes...)
	w.edit = func(list []attest.BlockAnswer) []attest.BlockAnswer {
		return append(list, attest.NoBlocks(attest.Digest{0xff}, attest.NotYet, "being hashed"))
	}
	in, err := Inspect(w.make())
	if err != nil {
		t.Fatal(err)
	}
	view := string(in.View)
	for _, want := range []string{`"blocks":[{"count":3,"model":"` + w.model.String() + `"}]`, `"proofs":3`, `"tree_bytes":`, `"reason":"not-yet"`, `"channel":`} {
		if !strings.Contains(view, want) {
			t.Errorf("no %s in %s", want, view[:min(len(view), 2000)])
		}
	}
	if strings.Contains(view, strings.Repeat("0", 4096)) || strings.Contains(view, strings.Repeat("01", 64)) {
		t.Error("weights are shown")
	}
}
