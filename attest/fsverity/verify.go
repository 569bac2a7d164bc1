package fsverity

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrProof says that a block and its path do not lead to the digest.
var ErrProof = errors.New("block does not belong to the digest")

// VerifyBlock says whether block is what the file of this digest, size and salt
// has at index. path holds the tree blocks above it, BlockSize bytes each, lowest
// first, root last; a file of one block has none. block is shorter than BlockSize
// only at the end of the file, whose last block is checked as the file has it.
//
// The digest covers size and salt, so nobody can choose them afterwards: a
// wrong one fails like a wrong byte. Nothing here is believed before the last
// hash; work is bounded by MaxLevels, whatever size says.
func VerifyBlock(digest [32]byte, size int64, salt []byte, index int64, block []byte, path [][]byte) error {
	switch {
	case size < 0 || len(salt) > MaxSalt:
		return fmt.Errorf("fsverity: size %d, salt of %d bytes: out of bounds", size, len(salt))
	case index < 0 || index >= Blocks(size):
		return fmt.Errorf("fsverity: %w: block %d of %d", ErrProof, index, Blocks(size))
	case int64(len(block)) != blockLen(size, index):
		return fmt.Errorf("fsverity: %w: %d bytes at block %d, want %d", ErrProof, len(block), index, blockLen(size, index))
	case len(path) != Levels(size):
		return fmt.Errorf("fsverity: %w: path of %d tree blocks, want %d", ErrProof, len(path), Levels(size))
	}
	before := prefix(salt)
	sum := one(before, block)
	at := index
	for level, b := range path {
		if len(b) != BlockSize {
			return fmt.Errorf("fsverity: %w: tree block of %d bytes at level %d", ErrProof, len(b), level)
		}
		if own := b[at%perBlock*HashSize:][:HashSize]; !bytes.Equal(own, sum[:]) {
			return fmt.Errorf("fsverity: %w: tree block at level %d has another hash for it", ErrProof, level)
		}
		sum, at = one(before, b), at/perBlock
	}
	if descriptor(sum, size, salt) != digest {
		return fmt.Errorf("fsverity: %w: its root, size and salt make another one", ErrProof)
	}
	return nil
}

// one is the hash of a single block, zero-padded.
func one(prefix, block []byte) [32]byte {
	var b [sha256.BlockSize + BlockSize]byte
	n := copy(b[:], prefix)
	copy(b[n:], block)
	return sha256.Sum256(b[:n+BlockSize])
}
