package fsverity

import (
	"crypto/sha256"

	"github.com/hallmark-attest/hallmark/attest/fsverity/sha256x16"
)

// batch is how many bytes of one level are kept until they are hashed: as many
// tree blocks as the hasher takes at once.
const batch = sha256x16.Lanes * BlockSize

// prefix is what the hash of every block begins with: nothing, or the salt,
// zero-padded to the hash function's own block size (fsverity.rst, "Merkle tree").
func prefix(salt []byte) []byte {
	if len(salt) == 0 {
		return nil
	}
	return append(append(make([]byte, 0, sha256.BlockSize), salt...), make([]byte, sha256.BlockSize-len(salt))...)
}

func newHasher(salt []byte, portable bool) *sha256x16.Hasher {
	h, err := sha256x16.New(prefix(salt), portable)
	if err != nil {
		panic(err) // unreachable: the salt was checked to fit one block
	}
	return h
}

// fold receives the hashes of one level in order and keeps, for each level
// above, no more than a batch of tree blocks: 64 KiB a level, six levels for the
// largest file.
type fold struct {
	h      *sha256x16.Hasher
	levels []level
	sums   func([]byte) error // see Options.Sums
	err    error              // its first error; later hashes are still folded, to no avail
}

type level struct {
	buf   []byte
	count int64 // hashes ever pushed here
}

// push adds hashes to level l, which has those of data blocks at 0.
func (f *fold) push(l int, hashes []byte) {
	if len(hashes) == 0 {
		return
	}
	for l >= len(f.levels) {
		f.levels = append(f.levels, level{})
	}
	v := &f.levels[l]
	v.buf = append(v.buf, hashes...)
	v.count += int64(len(hashes) / HashSize)
	if n := len(v.buf) / batch * batch; n > 0 {
		up := f.hash(l, v.buf[:n])
		v.buf = v.buf[:copy(v.buf, v.buf[n:])]
		f.push(l+1, up)
	}
}

// hash returns the hashes of the tree blocks of level l.
func (f *fold) hash(l int, blocks []byte) []byte {
	up := make([]byte, len(blocks)/perBlock)
	f.h.Sum(up, blocks)
	if l == 0 {
		f.give(up)
	}
	return up
}

func (f *fold) give(sums []byte) {
	if f.sums != nil && f.err == nil {
		f.err = f.sums(sums)
	}
}

// resume takes the sums of whole spans instead of what lies below them.
func (f *fold) resume(sums []byte, blocks int64) {
	f.push(1, sums)
	f.levels[0].count += blocks
}

// root hashes the partial blocks from the bottom up. The root is the first level
// that ever received exactly one hash.
func (f *fold) root() (root [32]byte) {
	for l := 0; l < len(f.levels); l++ {
		v := &f.levels[l]
		if v.count == 1 {
			if l == 0 {
				f.give(v.buf) // there is no tree block above the only block
			}
			copy(root[:], v.buf)
			return root
		}
		if len(v.buf) > 0 {
			up := f.hash(l, padded(v.buf))
			f.levels[l].buf = nil
			f.push(l+1, up)
		}
	}
	return root // no block at all: the empty file's root is all zeroes
}

// padded zero-fills the last block of b.
func padded(b []byte) []byte {
	return append(b, make([]byte, ceil(int64(len(b)), BlockSize)*BlockSize-int64(len(b)))...)
}

// ceil is how many parts of the given size n is cut into.
func ceil(n, part int64) int64 { return n/part + min(1, n%part) }
