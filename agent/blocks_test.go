package agent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// asking is a challenge for n blocks of one model.
func asking(n uint32, model attest.Digest) func(*attest.Challenge) {
	return func(c *attest.Challenge) { c.Blocks = []attest.BlockRequest{{Count: n, Model: model}} }
}

func (n *node) blocks(t *testing.T, edit func(*attest.Challenge)) []attest.BlockAnswer {
	t.Helper()
	resp, _, err := n.exchange(n.client, seal(t, n.validator, attest.TypeChallenge, n.challenge(edit)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := attest.ParseAnswer(resp.Answer)
	if err != nil {
		t.Fatal(err)
	}
	return a.Blocks
}

func TestWeightsAreProvedThroughFrontEndAndLink(t *testing.T) {
	dir := t.TempDir()
	data := make([]byte, 700<<10+3)
	for i := range data {
		data[i] = byte(i >> 12)
	}
	for name, b := range map[string][]byte{"config.json": []byte("{}"), "model.safetensors": data, "empty": {}} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	manifest, err := engine.Measure(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	model, err := manifest.Digest()
	if err != nil {
		t.Fatal(err)
	}
	eng, err := engine.NewCollector(engine.Config{Engines: []engine.EngineConfig{{Name: "e", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}}},
		proc.FS{Root: "/proc"}, engine.NewDigests(engine.DigestOptions{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, two := range []bool{false, true} {
		n := startNode(t, nodeOptions{blocks: eng.Blocks, twoHalves: two})
		var c *attest.Challenge
		got := n.blocks(t, func(made *attest.Challenge) { asking(attest.MaxBlocks, model)(made); c = made })
		if len(got) != 1 || got[0].Absent != nil || len(got[0].Proofs) != attest.MaxBlocks {
			t.Fatalf("%d answers, %+v", len(got), got)
		}
		for j, path := range got[0].BlockPaths() {
			i, index := manifest.BlockAt(attest.BlockIndex(c.Nonce, model, uint32(j), manifest.Blocks()))
			if err := fsverity.VerifyBlock(manifest[i].FSVerity, int64(manifest[i].Size), nil, index, got[0].Proofs[j].Block, path); err != nil {
				t.Fatal(err)
			}
		}
		if other := n.blocks(t, asking(1, attest.Digest{9})); other[0].Absent == nil || other[0].Absent.Reason != attest.NotPresent {
			t.Errorf("%+v", other[0].Absent)
		}
	}
}

func TestCollectorIsAskedForPartsOnlyWhereAChallengeWantsThem(t *testing.T) {
	var asked atomic.Int64
	n := startNode(t, nodeOptions{blocks: func(_ context.Context, _ attest.Nonce, list []attest.BlockRequest) []attest.BlockAnswer {
		asked.Add(1)
		return []attest.BlockAnswer{attest.NoBlocks(list[0].Model, attest.NotYet, "x")}
	}})
	n.ask(n.client)
	if got := n.blocks(t, nil); len(got) != 0 || asked.Load() != 0 {
		t.Errorf("%d answers unasked, %d questions", len(got), asked.Load())
	}
	if got := n.blocks(t, asking(1, attest.Digest{1})); len(got) != 1 || asked.Load() != 1 {
		t.Errorf("%d answers, %d questions", len(got), asked.Load())
	}
	if got := startNode(t, nodeOptions{}).blocks(t, asking(1, attest.Digest{1})); len(got) != 1 || got[0].Absent == nil || got[0].Absent.Reason != attest.NotConfigured {
		t.Errorf("%+v", got)
	}
}

func TestLargestProofsFitThroughTheLinkAndLargerAreAnAbsence(t *testing.T) {
	levels := 5 // of a file of 2^46 bytes
	n := startNode(t, nodeOptions{blocks: func(_ context.Context, _ attest.Nonce, list []attest.BlockRequest) []attest.BlockAnswer {
		var blocks [][]byte
		var paths [][][]byte
		for j := range list[0].Count {
			var path [][]byte
			for l := range levels {
				path = append(path, bytes.Repeat([]byte{byte(j), byte(l), 1, 2}, attest.BlockBytes/4))
			}
			blocks, paths = append(blocks, make([]byte, attest.BlockBytes)), append(paths, path)
		}
		return []attest.BlockAnswer{attest.NewBlockAnswer(list[0].Model, blocks, paths)}
	}})
	got := n.blocks(t, asking(attest.MaxBlocks, attest.Digest{1}))
	if got[0].Absent != nil || len(got[0].Nodes) != levels*attest.MaxBlocks {
		t.Fatalf("%+v", got[0].Absent)
	}
	levels = attest.MaxBlockPath
	if got := n.blocks(t, asking(attest.MaxBlocks, attest.Digest{1})); got[0].Absent == nil || got[0].Absent.Reason != attest.Oversize {
		t.Fatalf("%+v", got[0].Absent)
	}
}

func TestProofsOfACollectorThatErrsAreNotSent(t *testing.T) {
	one := attest.BlockProof{Block: []byte{1}, Path: []uint32{}}
	for name, wrong := range map[string][]attest.BlockAnswer{
		"malformed":      {{Model: attest.Digest{1}, Nodes: [][]byte{{1}}, Proofs: []attest.BlockProof{one}}},
		"nothing":        nil,
		"other model":    {{Model: attest.Digest{2}, Nodes: [][]byte{}, Proofs: []attest.BlockProof{one}}},
		"proof missing":  {{Model: attest.Digest{1}, Nodes: [][]byte{}, Proofs: []attest.BlockProof{}}},
		"proof too many": {{Model: attest.Digest{1}, Nodes: [][]byte{}, Proofs: []attest.BlockProof{one, one}}},
	} {
		n := startNode(t, nodeOptions{blocks: func(context.Context, attest.Nonce, []attest.BlockRequest) []attest.BlockAnswer { return wrong }})
		if got := n.blocks(t, asking(1, attest.Digest{1})); len(got) != 1 || got[0].Absent == nil || got[0].Absent.Reason != attest.Failed {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUnlistedValidatorsGetNoWeights(t *testing.T) {
	n := startNode(t, nodeOptions{open: true, blocks: func(context.Context, attest.Nonce, []attest.BlockRequest) []attest.BlockAnswer {
		t.Error("weights were read for a stranger")
		return nil
	}})
	n.validator = writeKey(t, filepath.Join(t.TempDir(), "stranger.pub"))
	if got := n.blocks(t, asking(1, attest.Digest{1})); len(got) != 1 || got[0].Absent == nil || got[0].Absent.Reason != attest.NotPermitted {
		t.Fatalf("%+v", got)
	}
}

func TestOneValidatorHasOneAnswerWithBlocksAtATime(t *testing.T) {
	var running, most atomic.Int64
	n := startNode(t, nodeOptions{blocks: func(_ context.Context, _ attest.Nonce, list []attest.BlockRequest) []attest.BlockAnswer {
		most.Store(max(most.Load(), running.Add(1)))
		time.Sleep(5 * time.Millisecond)
		running.Add(-1)
		return []attest.BlockAnswer{attest.NoBlocks(list[0].Model, attest.NotYet, "x")}
	}})
	done := make(chan error, 8)
	for range cap(done) {
		doc := seal(t, n.validator, attest.TypeChallenge, n.challenge(asking(1, attest.Digest{1})))
		go func() { _, _, err := n.exchange(n.client, doc); done <- err }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

func TestListedValidatorsGetSomeBlocksAMinute(t *testing.T) {
	n := startNode(t, nodeOptions{blocks: func(_ context.Context, _ attest.Nonce, list []attest.BlockRequest) []attest.BlockAnswer {
		return []attest.BlockAnswer{attest.NoBlocks(list[0].Model, attest.NotYet, "x")}
	}})
	for range provedBurst {
		n.blocks(t, asking(1, attest.Digest{1}))
	}
	n.wantProblem("/v1/challenge", attest.TypeChallenge, seal(t, n.validator, attest.TypeChallenge, n.challenge(asking(1, attest.Digest{1}))), attest.ProblemRate)
	n.ask(n.client) // and everything else goes on
}
