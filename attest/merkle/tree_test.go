package merkle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func leaves(n int) []attest.Digest {
	out := make([]attest.Digest, n)
	for i := range out {
		out[i] = sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return out
}

func TestEveryPathLeadsToTheRoot(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, attest.MaxBatch} {
		ls := leaves(n)
		root, paths := Tree(ls)
		for i, l := range ls {
			if len(paths[i]) > attest.MaxPath {
				t.Fatalf("size %d: path of %d", n, len(paths[i]))
			}
			got, err := Root(l, uint32(i), uint32(n), paths[i])
			if err != nil || got != root {
				t.Fatalf("size %d index %d: %v, root equal %v", n, i, err, got == root)
			}
		}
	}
}

func TestRootRejectsWrongPathLength(t *testing.T) {
	ls := leaves(5)
	_, paths := Tree(ls)
	for i := range ls {
		if _, err := Root(ls[i], uint32(i), 5, append(paths[i], attest.Digest{})); err == nil {
			t.Errorf("index %d: a longer path passed", i)
		}
		if _, err := Root(ls[i], uint32(i), 5, paths[i][:len(paths[i])-1]); err == nil {
			t.Errorf("index %d: a shorter path passed", i)
		}
	}
}

func TestRootDiffersForOtherIndexSizeOrLeaf(t *testing.T) {
	ls := leaves(8)
	root, paths := Tree(ls)
	for j := range uint32(8) {
		if got, err := Root(ls[3], j, 8, paths[3]); j != 3 && err == nil && got == root {
			t.Errorf("leaf 3 passes at index %d", j)
		}
	}
	if got, _ := Root(ls[4], 3, 8, paths[3]); got == root {
		t.Error("another leaf passes")
	}
	if _, err := Root(ls[0], 0, 0, nil); err == nil {
		t.Error("size zero passes")
	}
	if _, err := Root(ls[0], 8, 8, paths[0]); err == nil {
		t.Error("index = size passes")
	}
}

func TestBatchesOverTheLimitAreRefused(t *testing.T) {
	_, paths := Tree(leaves(attest.MaxBatch))
	for _, size := range []uint32{attest.MaxBatch + 1, 2 * attest.MaxBatch, 1<<32 - 1} {
		for extra := range 21 {
			if _, err := Root(attest.Digest{}, 0, size, append(paths[0], make([]attest.Digest, extra)...)); err == nil {
				t.Errorf("a batch of %d passed", size)
			}
		}
	}
	for _, n := range []int{0, attest.MaxBatch + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a tree of %d leaves was made", n)
				}
			}()
			Tree(leaves(n))
		}()
	}
}

func ExampleRoot() {
	ls := leaves(3)
	root, paths := Tree(ls)
	got, err := Root(ls[1], 1, 3, paths[1])
	fmt.Println(got == root, err)
	// Output: true <nil>
}
