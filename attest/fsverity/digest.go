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
	// ChunkSize is how much one worker reads at a time: two whole blocks of the lowest tree level.
	ChunkSize = 1 << 20
	// MaxWorkers bounds Options.Workers, and with it memory: 24 chunks and their hashers stay below 32 MiB.
	MaxWorkers = 24

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
	// Workers is how many chunks are hashed at once: 0 means min(GOMAXPROCS, 4).
	Workers int
	// Progress, if set, is told the bytes hashed so far, in order, about once per
	// chunk and never concurrently.
	Progress func(done int64)
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
	return int(min(int64(n), max(1, (size+ChunkSize-1)/ChunkSize)))
}

// Digest returns the fs-verity digest of the size bytes in r.
func Digest(ctx context.Context, r io.ReaderAt, size int64, opt Options) ([32]byte, error) {
	digest, _, err := run(ctx, r, size, opt, nil)
	return digest, err
}

// Both returns the fs-verity digest and the plain SHA-256 of the same bytes in
// one pass. Plain SHA-256 is what IMA and package managers know an executable
// by; it cannot be computed in parallel, so large files are better asked for
// their Digest alone.
func Both(ctx context.Context, r io.ReaderAt, size int64, opt Options) (digest, plain [32]byte, err error) {
	return run(ctx, r, size, opt, sha256.New())
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
