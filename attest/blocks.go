package attest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// BlockRequest asks for proofs of some blocks of one model, which the nonce picks.
type BlockRequest struct {
	Count uint32 `cbor:"count"` // proofs wanted
	Model Digest `cbor:"model"` // of its manifest
}

// BlockAnswer proves the blocks asked of one model, or says why it does not. Which
// blocks they are is not repeated: both sides compute it (BlockIndex).
type BlockAnswer struct {
	Model  Digest       `cbor:"model"`
	Absent *Absence     `cbor:"absent,omitempty"` // then Nodes and Proofs are empty; What is BlocksAbsent
	Nodes  [][]byte     `cbor:"nodes"`            // tree blocks, each once, in the order in which the proofs first need them
	Proofs []BlockProof `cbor:"proofs"`           // in the order of j
}

// BlockProof is one block and the way from it to its file's digest.
type BlockProof struct {
	Block []byte   `cbor:"block"` // as the file has it: short only at the file's end
	Path  []uint32 `cbor:"path"`  // indices into Nodes, lowest level first
}

// BlocksAbsent is what the absence of a BlockAnswer names.
const BlocksAbsent = "blocks"

// BlockIndex is the block that proof j is about, counted over all files of the
// model in the manifest's order. blocks is how many there are, and not zero. A
// node that does not know the nonce cannot keep the right ones only. That small
// numbers are likelier by blocks/2^64 is of no use to anybody.
func BlockIndex(nonce Nonce, model Digest, j uint32, blocks uint64) uint64 {
	if blocks == 0 {
		return 0 // nothing to pick from: callers say so before
	}
	d := labelled("hallmark/block/1", nonce[:], model[:], binary.BigEndian.AppendUint32(nil, j))
	return binary.BigEndian.Uint64(d[:]) % blocks
}

// BlockPaths expands the paths of an answer, by proof.
func (a *BlockAnswer) BlockPaths() [][][]byte {
	out := make([][][]byte, len(a.Proofs))
	for i, p := range a.Proofs {
		for _, at := range p.Path {
			out[i] = append(out[i], a.Nodes[at])
		}
	}
	return out
}

// NewBlockAnswer packs blocks and their paths; a tree block that several paths
// share is sent once.
func NewBlockAnswer(model Digest, blocks [][]byte, paths [][][]byte) BlockAnswer {
	a := BlockAnswer{Model: model, Nodes: [][]byte{}, Proofs: []BlockProof{}}
	seen := map[string]uint32{}
	for i, b := range blocks {
		p := BlockProof{Block: b, Path: []uint32{}}
		for _, node := range paths[i] {
			at, ok := seen[string(node)]
			if !ok {
				at = uint32(len(a.Nodes))
				seen[string(node)] = at
				a.Nodes = append(a.Nodes, node)
			}
			p.Path = append(p.Path, at)
		}
		a.Proofs = append(a.Proofs, p)
	}
	return a
}

// NoBlocks says why the blocks of a model are not proved.
func NoBlocks(model Digest, r Reason, format string, args ...any) BlockAnswer {
	absent := Absent(BlocksAbsent, r, format, args...)
	return BlockAnswer{Model: model, Absent: &absent, Nodes: [][]byte{}, Proofs: []BlockProof{}}
}

// CheckBlockRequests compares a challenge's requests with the limits.
func CheckBlockRequests(list []BlockRequest) error {
	if len(list) > MaxBlockModels {
		return fmt.Errorf("blocks of %d models, limit %d", len(list), MaxBlockModels)
	}
	total := uint64(0)
	for i, r := range list {
		if total += uint64(r.Count); r.Count == 0 || total > MaxBlocks {
			return fmt.Errorf("%d blocks of model %s, want 1 to %d of all models together", r.Count, r.Model.Short(), MaxBlocks)
		}
		if i > 0 && string(list[i-1].Model[:]) >= string(r.Model[:]) {
			return errors.New("blocks: models are not sorted and distinct")
		}
	}
	return nil
}

// CheckBlockAnswers compares an answer's proofs with the limits. Whether they
// prove anything is for package verify.
func CheckBlockAnswers(list []BlockAnswer) error {
	if len(list) > MaxBlockModels {
		return fmt.Errorf("blocks of %d models, limit %d", len(list), MaxBlockModels)
	}
	total := 0
	for i := range list {
		if total += len(list[i].Proofs); total > MaxBlocks {
			return fmt.Errorf("more than %d proofs of blocks", MaxBlocks)
		}
		if err := list[i].check(); err != nil {
			return fmt.Errorf("blocks of model %s: %w", list[i].Model.Short(), err)
		}
	}
	return nil
}

// check holds an answer to its one form: no tree block twice, none without use, in the order of use.
func (a *BlockAnswer) check() error {
	if a.Absent != nil {
		if len(a.Nodes) != 0 || len(a.Proofs) != 0 || a.Absent.What != BlocksAbsent {
			return errors.New("both absent and there")
		}
		return a.Absent.check()
	}
	seen := map[string]bool{}
	for _, n := range a.Nodes {
		if len(n) != BlockBytes || seen[string(n)] {
			return fmt.Errorf("tree block of %d bytes, or twice", len(n))
		}
		seen[string(n)] = true
	}
	used := 0
	for _, p := range a.Proofs {
		if len(p.Block) == 0 || len(p.Block) > BlockBytes || len(p.Path) > MaxBlockPath {
			return fmt.Errorf("block of %d bytes, limit %d; path of %d, limit %d", len(p.Block), BlockBytes, len(p.Path), MaxBlockPath)
		}
		for _, at := range p.Path {
			if int64(at) > int64(used) || int64(at) >= int64(len(a.Nodes)) {
				return fmt.Errorf("path names tree block %d before %d", at, used)
			}
			if int(at) == used {
				used++
			}
		}
	}
	if used != len(a.Nodes) {
		return fmt.Errorf("%d tree blocks that no path needs", len(a.Nodes)-used)
	}
	return nil
}
