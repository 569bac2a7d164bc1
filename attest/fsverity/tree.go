package fsverity

import (
	"crypto/sha256"
	"hash"
)

// hasher hashes single blocks: SHA-256 over the salt, zero-padded to the hash
// function's own block size, and the block (fsverity.rst, "Merkle tree").
type hasher struct {
	prefix []byte
	h      hash.Hash
}

func newHasher(salt []byte) *hasher {
	k := &hasher{h: sha256.New()}
	if len(salt) > 0 {
		k.prefix = make([]byte, (len(salt)+sha256.BlockSize-1)/sha256.BlockSize*sha256.BlockSize)
		copy(k.prefix, salt)
	}
	return k
}

// block appends the hash of one block to out.
func (k *hasher) block(out, b []byte) []byte {
	if k.prefix == nil {
		s := sha256.Sum256(b)
		return append(out, s[:]...)
	}
	k.h.Reset()
	k.h.Write(k.prefix)
	k.h.Write(b)
	return k.h.Sum(out)
}

// fold turns a run of whole blocks into the hashes of the tree blocks above it.
// The leaf level lives in leaves, one tree block at a time, and is never kept.
// data is a multiple of BlockSize and begins at a multiple of perBlock blocks.
func (k *hasher) fold(out, leaves, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), perBlock*BlockSize)
		leaves = leaves[:0]
		for off := 0; off < n; off += BlockSize {
			leaves = k.block(leaves, data[off:off+BlockSize])
		}
		out = k.block(out, padded(leaves))
		data = data[n:]
	}
	return out
}

// padded zero-fills a partial tree block to BlockSize; b's capacity holds it.
func padded(b []byte) []byte {
	n := len(b)
	b = b[:BlockSize]
	clear(b[n:])
	return b
}

// tree receives the hashes of one level in order and keeps, for each level
// above, only the block being filled: 4 KiB a level, six levels for the largest file.
type tree struct {
	k      *hasher
	levels []level
}

type level struct {
	buf   []byte
	count int64 // hashes ever pushed here
}

func (t *tree) push(l int, sum []byte) {
	if l == len(t.levels) {
		t.levels = append(t.levels, level{buf: make([]byte, 0, BlockSize)})
	}
	v := &t.levels[l]
	v.buf = append(v.buf, sum...)
	v.count++
	if len(v.buf) == BlockSize {
		t.close(l)
	}
}

// close hashes the block being filled at level l and pushes it one level up.
func (t *tree) close(l int) {
	v := &t.levels[l]
	sum := t.k.block(nil, padded(v.buf))
	v.buf = v.buf[:0]
	t.push(l+1, sum)
}

// root closes the partial blocks from the bottom up. The root is the first
// level that ever received exactly one hash.
func (t *tree) root() (root [32]byte) {
	for l := 0; l < len(t.levels); l++ {
		if v := &t.levels[l]; v.count == 1 {
			copy(root[:], v.buf)
			return root
		} else if len(v.buf) > 0 {
			t.close(l)
		}
	}
	return root // no block at all: the empty file's root is all zeroes
}
