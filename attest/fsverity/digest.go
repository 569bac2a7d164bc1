package fsverity

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
)

const (
	// BlockSize is the Merkle tree block size, and the padding unit of data.
	BlockSize = 4096
	// HashSize is the size of a SHA-256 digest in bytes.
	HashSize = sha256.Size
	// MaxSalt is the room for a salt in the descriptor (struct fsverity_descriptor.salt).
	MaxSalt = 32
	// SpanSize is how much data lies below one tree block of the lowest level.
	SpanSize = perBlock * BlockSize
	// ChunkSize is how much one worker reads at a time: two spans.
	ChunkSize = 2 * SpanSize
	// MaxWorkers bounds Options.Workers, and with it memory: 16 chunks and what is
	// hashed ahead of its turn leave room for a program in 32 MiB.
	MaxWorkers = 16

	defaultWorkers = 4
	perBlock       = BlockSize / HashSize // hashes in one tree block
	algSHA256      = 1                    // FS_VERITY_HASH_ALG_SHA256
)

// ErrSize says that the source does not hold exactly the size given: it was
// truncated or appended to, perhaps while it was read.
var ErrSize = errors.New("size changed while reading")

// Options are the parameters of a computation. The zero value is the common one.
type Options struct {
	// Salt is part of the identity: files with different salts have different
	// digests. At most MaxSalt bytes; the default is none, like the fsverity tool's.
	Salt []byte
	// Workers is how many chunks are read and hashed at once: 0 means
	// min(GOMAXPROCS, 4). More than there are processors keep a disk busy.
	Workers int
	// Progress, if set, is told the bytes hashed so far, in order, about once per
	// chunk and never concurrently.
	Progress func(done int64)
	// Wait, if set, is asked before n bytes are read, by several goroutines at
	// once: the place for a budget of bytes a second, rate.Limiter's WaitN.
	// n is at most ChunkSize.
	Wait func(ctx context.Context, n int) error
	// Worker, if set, is the first call of every goroutine that reads: the place to
	// bind it to a thread of low priority.
	Worker func()
	// Sums, if set, is given one hash of HashSize bytes for each span of SpanSize
	// bytes, in order, some spans at a time and never concurrently: the hash of the
	// lowest tree block above the span, or of the only block of a small file. They
	// are what a Tree is made of, 1/16384 of the file. Its error ends the pass.
	Sums func(sums []byte) error
	// Done, if set, holds the sums of an earlier pass over the same bytes that did
	// not come to its end. The pass goes on behind them; Sums is not given them
	// again. That the bytes are still the same is the caller's to know.
	Done io.Reader
	// Portable leaves AVX-512 unused, to measure what it is worth.
	Portable bool
}

func (o Options) check(size int64) error {
	switch {
	case size < 0:
		return fmt.Errorf("fsverity: size %d", size)
	case len(o.Salt) > MaxSalt:
		return fmt.Errorf("fsverity: salt of %d bytes, limit %d", len(o.Salt), MaxSalt)
	case o.Workers < 0 || o.Workers > MaxWorkers:
		return fmt.Errorf("fsverity: %d workers, limit %d", o.Workers, MaxWorkers)
	}
	return nil
}

// workers never exceeds the number of chunks, so small files start one goroutine.
func (o Options) workers(size int64) int {
	n := o.Workers
	if n == 0 {
		n = min(runtime.GOMAXPROCS(0), defaultWorkers)
	}
	return int(min(int64(n), max(1, ceil(size, ChunkSize))))
}

// Digest returns the fs-verity digest of the size bytes in r.
func Digest(ctx context.Context, r io.ReaderAt, size int64, opt Options) ([32]byte, error) {
	return run(ctx, r, size, opt, nil)
}

// Both returns the fs-verity digest and the plain SHA-256 of the same bytes in
// one pass. Plain SHA-256 is what IMA and package managers know an executable
// by; it cannot be computed in parallel, nor from the middle on, so large files
// are better asked for their Digest alone and Options.Done is refused.
func Both(ctx context.Context, r io.ReaderAt, size int64, opt Options) (digest, plain [32]byte, err error) {
	h := sha256.New()
	if digest, err = Tee(ctx, r, size, opt, h); err != nil {
		return digest, plain, err
	}
	return digest, [32]byte(h.Sum(nil)), nil
}

// Tee returns the fs-verity digest, and in the same pass writes all bytes to w in
// order, never concurrently: for digests of another kind. The slower of the two
// sets the pace. An error of w ends the pass.
func Tee(ctx context.Context, r io.ReaderAt, size int64, opt Options, w io.Writer) ([32]byte, error) {
	if opt.Done != nil {
		return [32]byte{}, errors.New("fsverity: who wants all bytes cannot go on where another pass ended")
	}
	return run(ctx, r, size, opt, w)
}

// descriptor returns the digest of a file of the given size whose Merkle tree
// has this root: SHA-256 of struct fsverity_descriptor, 256 bytes, signature left out.
func descriptor(root [32]byte, size int64, salt []byte) [32]byte {
	var d [256]byte
	d[0], d[1], d[2], d[3] = 1, algSHA256, 12, byte(len(salt)) // version, algorithm, log2(block), salt length
	binary.LittleEndian.PutUint64(d[8:], uint64(size))
	copy(d[16:80], root[:])
	copy(d[80:112], salt)
	return sha256.Sum256(d[:])
}
