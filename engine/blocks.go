package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
	"github.com/hallmark-attest/hallmark/attest/fsverity/sums"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// ErrNoSums says that a file's digest is known and its tree is not kept, so that
// none of its blocks can be proved without reading all of it.
var ErrNoSums = errors.New("no sums of the file are kept")

// Blocks proves blocks of one open file against its digest. Safe for use by
// several goroutines until it is closed.
type Blocks struct {
	SizeBytes int64
	Digest    [32]byte
	Source    string // of the digest and of the tree: SourceKernel or SourceComputed

	at    func(ctx context.Context, index int64) ([]byte, [][]byte, error)
	close func()
}

// Blocks prepares proofs of an open file: from the tree that the kernel keeps,
// from sums that Run stored, or, for a small file, by reading it now. The digest
// is the one that Collect states of the file; without one the error is
// NotYetError, without its sums ErrNoSums.
func (d *Digests) Blocks(ctx context.Context, f *os.File) (*Blocks, error) {
	key, err := keyOf(f)
	if err != nil {
		return nil, err
	}
	if digest, err := kernelDigest(f); err == nil {
		return &Blocks{key.size, digest, SourceKernel, func(ctx context.Context, index int64) ([]byte, [][]byte, error) {
			return fsverity.KernelPath(ctx, f, kernelTree{f}, digest, key.size, nil, index)
		}, func() {}}, nil
	}
	k, _ := d.get(key, false)
	if k == nil {
		return nil, &NotYetError{Size: key.size}
	}
	from, err := d.sumsOf(ctx, f, key)
	if err != nil {
		return nil, err
	}
	tree, err := fsverity.NewTree(from, key.size, nil)
	if err == nil && tree.Digest() != k.digest {
		err = fmt.Errorf("%w: sums are of another digest", proc.ErrChanged)
	}
	if err != nil {
		closeSums(from)
		return nil, err
	}
	r := disk.Open(f)
	return &Blocks{key.size, k.digest, SourceComputed, func(ctx context.Context, index int64) ([]byte, [][]byte, error) {
		block, path, err := tree.Path(ctx, r, index)
		if errors.Is(err, fsverity.ErrSize) || errors.Is(err, fsverity.ErrChanged) {
			err = fmt.Errorf("%w: %w", proc.ErrChanged, err)
		}
		return block, path, err
	}, func() { r.Close(); closeSums(from) }}, nil
}

func (d *Digests) sumsOf(ctx context.Context, f *os.File, key fileKey) (io.ReaderAt, error) {
	if key.size <= d.opt.InlineBytes {
		var b []byte
		_, err := fsverity.Digest(ctx, f, key.size, fsverity.Options{Sums: func(s []byte) error { b = append(b, s...); return nil }})
		if errors.Is(err, fsverity.ErrSize) {
			err = fmt.Errorf("%w: %w", proc.ErrChanged, err)
		}
		return bytes.NewReader(b), err
	}
	if d.opt.StateDir == "" || d.opt.BootID == "" {
		return nil, ErrNoSums
	}
	s, err := sums.Read(d.sumsName(key), d.subject(key, d.opt.Now()))
	if errors.Is(err, sums.ErrIncomplete) {
		return nil, fmt.Errorf("%w: %w", ErrNoSums, err)
	} else if err != nil {
		return nil, err
	}
	s.Used(d.opt.Now())
	return s, nil
}

func closeSums(r io.ReaderAt) {
	if c, ok := r.(io.Closer); ok {
		c.Close()
	}
}

// At returns the block at index, shorter than 4096 bytes at the end of the file
// only, and the tree blocks above it, as fsverity.VerifyBlock takes them. It
// reads at most 512 KiB of the file. A file that has changed is proc.ErrChanged.
func (b *Blocks) At(ctx context.Context, index int64) (block []byte, path [][]byte, err error) {
	return b.at(ctx, index)
}

// Close ends the proofs; the file stays the caller's.
func (b *Blocks) Close() { b.close() }
