package merkle

import (
	"fmt"
	"math/bits"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/hallmark-attest/hallmark/attest"
)

// Tree returns the RFC 9162 root over the leaves and each leaf's inclusion path.
// It panics if there are none or more than attest.MaxBatch: a batch is made by ourselves.
func Tree(leaves []attest.Digest) (attest.Digest, [][]attest.Digest) {
	if len(leaves) == 0 || len(leaves) > attest.MaxBatch {
		panic(fmt.Sprintf("merkle: %d leaves", len(leaves)))
	}
	paths := make([][]attest.Digest, len(leaves))
	return subtree(leaves, paths), paths
}

// subtree hashes leaves and adds to each of their paths the siblings met on the way up.
func subtree(leaves []attest.Digest, paths [][]attest.Digest) attest.Digest {
	if len(leaves) == 1 {
		return attest.Digest(rfc6962.DefaultHasher.HashLeaf(leaves[0][:]))
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1) // largest power of two smaller than n
	left, right := subtree(leaves[:k], paths[:k]), subtree(leaves[k:], paths[k:])
	for i := range paths {
		if i < k {
			paths[i] = append(paths[i], right)
		} else {
			paths[i] = append(paths[i], left)
		}
	}
	return attest.Digest(rfc6962.DefaultHasher.HashChildren(left[:], right[:]))
}

// Root returns the root that leaf, index, size and path lead to. A path whose
// length is not exactly that of (index, size) is refused.
func Root(leaf attest.Digest, index, size uint32, path []attest.Digest) (attest.Digest, error) {
	if size == 0 || size > attest.MaxBatch || index >= size {
		return attest.Digest{}, fmt.Errorf("inclusion path: index %d in a batch of %d", index, size)
	}
	hashes := make([][]byte, len(path))
	for i := range path {
		hashes[i] = path[i][:]
	}
	root, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, uint64(index), uint64(size),
		rfc6962.DefaultHasher.HashLeaf(leaf[:]), hashes)
	if err != nil {
		return attest.Digest{}, fmt.Errorf("inclusion path: %w", err)
	}
	return attest.Digest(root), nil
}
