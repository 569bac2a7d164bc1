package fsverity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrChanged says that the file has other bytes now than when its sums were made.
var ErrChanged = errors.New("contents differ from what was hashed")

// Tree is what has to be kept of a file to prove any of its blocks: one hash for
// each span (Options.Sums), 0.0061 % of the file, which may lie on disk, and the
// levels above them in memory, 1/128 of that. The lowest level is not kept: a
// path reads the one span again. Safe for use by several goroutines if sums is.
type Tree struct {
	size   int64
	salt   []byte
	shape  []int64
	sums   io.ReaderAt
	upper  [][]byte // tree blocks of level 2 and up, zero-padded
	digest [32]byte
}

// NewTree reads the sums that a pass over size bytes gave to Options.Sums. A
// caller compares Digest with the digest of the file as it knows it: equal means
// that the sums are those of that file, whoever stored them.
func NewTree(sums io.ReaderAt, size int64, salt []byte) (*Tree, error) {
	if err := (Options{Salt: salt}).check(size); err != nil {
		return nil, err
	}
	t := &Tree{size: size, salt: bytes.Clone(salt), shape: shape(size), sums: sums}
	top, err := t.fold()
	if err != nil {
		return nil, fmt.Errorf("fsverity: sums: %w", err)
	}
	t.digest = descriptor(top, size, salt)
	return t, nil
}

// fold computes the levels above the sums and returns the root.
func (t *Tree) fold() (root [32]byte, err error) {
	h := newHasher(t.salt, false)
	left := ceil(t.size, SpanSize) * HashSize
	if left <= HashSize { // at most one span: its sum is the root, the empty file's is all zeroes
		return root, readFull(t.sums, root[:left], 0)
	}
	var hashes []byte
	buf := make([]byte, batch)
	for off := int64(0); off < left; off += batch {
		b := buf[:min(batch, left-off)]
		if err := readFull(t.sums, b, off); err != nil {
			return root, err
		}
		b = padded(b)
		n := len(hashes)
		hashes = append(hashes, make([]byte, len(b)/perBlock)...)
		h.Sum(hashes[n:], b)
	}
	for len(hashes) > HashSize {
		b := padded(hashes)
		t.upper = append(t.upper, b)
		hashes = make([]byte, len(b)/perBlock)
		h.Sum(hashes, b)
	}
	return [32]byte(hashes), nil
}

// Digest is the file's digest according to the sums.
func (t *Tree) Digest() [32]byte { return t.digest }

// Path returns the block at index and the tree blocks above it, as VerifyBlock
// wants them. It reads one span of the file, 512 KiB, from r, and 4 KiB of sums.
// ErrChanged means that the span is not what it was, ErrSize that it is shorter.
func (t *Tree) Path(ctx context.Context, r io.ReaderAt, index int64) (block []byte, path [][]byte, err error) {
	if index < 0 || index >= Blocks(t.size) {
		return nil, nil, fmt.Errorf("fsverity: block %d of %d", index, Blocks(t.size))
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	block, leaves, err := t.span(r, index)
	if err != nil {
		return nil, nil, fmt.Errorf("fsverity: span %d: %w", index/perBlock, err)
	}
	if len(t.shape) == 0 {
		return block, nil, nil
	}
	path = append(path, leaves)
	if len(t.shape) > 1 {
		b, err := t.level1(index / perBlock / perBlock)
		if err != nil {
			return nil, nil, fmt.Errorf("fsverity: sums: %w", err)
		}
		path = append(path, b)
	}
	at := index / perBlock / perBlock / perBlock
	for _, up := range t.upper {
		path = append(path, bytes.Clone(up[at*BlockSize:][:BlockSize]))
		at /= perBlock
	}
	return block, path, VerifyBlock(t.digest, t.size, t.salt, index, block, path)
}

// span reads the span of a block and returns that block and the tree block above
// the span, after comparing the span with its sum.
func (t *Tree) span(r io.ReaderAt, index int64) (block, leaves []byte, err error) {
	at := index / perBlock
	want := min(SpanSize, t.size-at*SpanSize)
	buf := Buffer(int(ceil(want, BlockSize) * BlockSize))
	n, err := r.ReadAt(buf, at*SpanSize)
	if int64(n) != want && (err == nil || errors.Is(err, io.EOF)) {
		return nil, nil, fmt.Errorf("%w: %d bytes, expected %d", ErrSize, n, want)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	h := newHasher(t.salt, false)
	var sum, stored [HashSize]byte
	hashes := make([]byte, len(buf)/perBlock, BlockSize)
	h.Sum(hashes, buf)
	leaves = padded(hashes)
	if copy(sum[:], leaves); len(t.shape) > 0 {
		h.Sum(sum[:], leaves)
	}
	if err := readFull(t.sums, stored[:], at*HashSize); err != nil {
		return nil, nil, err
	}
	if sum != stored {
		return nil, nil, ErrChanged
	}
	off := index % perBlock * BlockSize
	return bytes.Clone(buf[off:][:blockLen(t.size, index)]), leaves, nil
}

// level1 is the tree block made of sums.
func (t *Tree) level1(at int64) ([]byte, error) {
	b := make([]byte, BlockSize)
	n := min(BlockSize, ceil(t.size, SpanSize)*HashSize-at*BlockSize)
	return b, readFull(t.sums, b[:n], at*BlockSize)
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("end after %d bytes: %w", off+int64(n), io.ErrUnexpectedEOF)
	}
	return err
}
