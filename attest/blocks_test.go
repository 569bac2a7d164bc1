package attest

import (
	"bytes"
	"slices"
	"testing"
)

func TestBlockIndexIsTheFormulaOfTheFormat(t *testing.T) {
	// sha256sum over the ASCII label, 32 bytes 01, 32 bytes 02 and 00000003.
	nonce, model := Nonce(bytes.Repeat([]byte{1}, 32)), Digest(bytes.Repeat([]byte{2}, 32))
	if got := BlockIndex(nonce, model, 3, 1<<63); got != 8054258014218262386 {
		t.Errorf("%d", got)
	}
	for _, other := range []uint64{BlockIndex(Nonce{1}, model, 3, 1<<63), BlockIndex(nonce, Digest{1}, 3, 1<<63), BlockIndex(nonce, model, 4, 1<<63)} {
		if other == 8054258014218262386 {
			t.Error("nonce, model or number does not matter")
		}
	}
	if BlockIndex(nonce, model, 3, 1000) != 386 {
		t.Error("not the remainder of the whole number")
	}
}

func TestChallengeHoldsItsBlocksAgainstTheLimits(t *testing.T) {
	good := func() Challenge {
		return Challenge{Profiles: []string{Profile}, Nonce: Nonce{1}, Issued: 10, Expires: 20, Audience: UEID{1}, Kinds: []Kind{"tpm"},
			Blocks: []BlockRequest{{16, Digest{1}}, {16, Digest{2}}}}
	}
	checkParse(t, good, ParseChallenge, []spoilt[Challenge]{
		{"all of one", func(c *Challenge) { c.Blocks = []BlockRequest{{MaxBlocks, Digest{1}}} }, true},
		{"one more", func(c *Challenge) { c.Blocks[1].Count++ }, false},
		{"overflow", func(c *Challenge) { c.Blocks[0].Count, c.Blocks[1].Count = 1<<32-1, 1<<32-1 }, false},
		{"none", func(c *Challenge) { c.Blocks[0].Count = 0 }, false},
		{"model twice", func(c *Challenge) { c.Blocks[1].Model = c.Blocks[0].Model }, false},
		{"unsorted", func(c *Challenge) { slices.Reverse(c.Blocks) }, false},
		{"most models", func(c *Challenge) { c.Blocks = models(MaxBlockModels) }, true},
		{"more models", func(c *Challenge) { c.Blocks = models(MaxBlockModels + 1) }, false},
	})
	c := good()
	c.Blocks = []BlockRequest{}
	if b, err := Marshal(c); err != nil || bytes.Contains(b, []byte{8, 0x80}) {
		t.Error("an empty list is written", err)
	}
}

func models(n int) (out []BlockRequest) {
	for i := range n {
		out = append(out, BlockRequest{1, Digest{byte(i)}})
	}
	return out
}

func TestAnswerHasOneFormOfItsProofs(t *testing.T) {
	a, b, top := bytes.Repeat([]byte{1}, BlockBytes), bytes.Repeat([]byte{2}, BlockBytes), bytes.Repeat([]byte{3}, BlockBytes)
	good := func() Answer {
		return Answer{Blocks: []BlockAnswer{NewBlockAnswer(Digest{1}, [][]byte{a, {5}}, [][][]byte{{slices.Clone(a), top}, {b, top}}), NoBlocks(Digest{2}, NotYet, "")}}
	}
	if g := good().Blocks[0]; len(g.Nodes) != 3 || !slices.Equal(g.Proofs[1].Path, []uint32{2, 1}) || !bytes.Equal(g.BlockPaths()[1][0], b) {
		t.Fatalf("a shared tree block is not sent once: %d nodes, %v", len(g.Nodes), g.Proofs[1].Path)
	}
	checkParse(t, good, ParseAnswer, []spoilt[Answer]{
		{"no channel, no blocks", func(a *Answer) { a.Blocks = nil }, true},
		{"short node", func(a *Answer) { a.Blocks[0].Nodes[0] = a.Blocks[0].Nodes[0][1:] }, false},
		{"node twice", func(a *Answer) { a.Blocks[0].Nodes[2] = a.Blocks[0].Nodes[0] }, false},
		{"node unused", func(a *Answer) { a.Blocks[0].Proofs[1].Path[0] = 0 }, false},
		{"nodes out of order", func(a *Answer) { a.Blocks[0].Proofs[0].Path = []uint32{1, 0} }, false},
		{"node that is not there", func(a *Answer) { a.Blocks[0].Proofs[1].Path[0] = 3 }, false},
		{"node far away", func(a *Answer) { a.Blocks[0].Proofs[1].Path[0] = 1<<32 - 1 }, false},
		{"empty block", func(a *Answer) { a.Blocks[0].Proofs[1].Block = []byte{} }, false},
		{"long block", func(a *Answer) { a.Blocks[0].Proofs[1].Block = make([]byte, BlockBytes+1) }, false},
		{"longest path", func(a *Answer) { a.Blocks[0].Proofs[1].Path = []uint32{2, 1, 1, 1, 1, 1, 1, 1} }, true},
		{"longer path", func(a *Answer) { a.Blocks[0].Proofs[1].Path = []uint32{2, 1, 1, 1, 1, 1, 1, 1, 1} }, false},
		{"more proofs", func(a *Answer) { a.Blocks[0].Proofs = slices.Repeat(a.Blocks[0].Proofs, MaxBlocks/2+1) }, false},
		{"more models", func(a *Answer) { a.Blocks = slices.Repeat(a.Blocks[1:], MaxBlockModels+1) }, false},
		{"absent and there", func(a *Answer) { a.Blocks[0].Absent = a.Blocks[1].Absent }, false},
		{"absence of something else", func(a *Answer) { a.Blocks[1].Absent.What = "logs" }, false},
		{"unknown reason", func(a *Answer) { a.Blocks[1].Absent.Reason = "lazy" }, false},
	})
}
