package fsverity

import (
	"context"
	"fmt"
	"io"
)

// KernelPath does what Tree.Path does for a file that the kernel protects by
// fs-verity: tree is its Merkle tree as FS_IOC_READ_VERITY_METADATA returns it,
// levels from the root down, so nothing is hashed and no span is read. r is the
// file. The result is checked against digest, which FS_IOC_MEASURE_VERITY gave.
func KernelPath(ctx context.Context, r, tree io.ReaderAt, digest [32]byte, size int64, salt []byte, index int64) (block []byte, path [][]byte, err error) {
	if size < 0 || index < 0 || index >= Blocks(size) {
		return nil, nil, fmt.Errorf("fsverity: block %d of %d", index, Blocks(size))
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	block = make([]byte, blockLen(size, index))
	if err := readFull(r, block, index*BlockSize); err != nil {
		return nil, nil, fmt.Errorf("fsverity: block %d: %w", index, err)
	}
	s := shape(size)
	path = make([][]byte, len(s))
	var above int64 // tree blocks of the levels above
	for l := len(s) - 1; l >= 0; l-- {
		at := index / perBlock
		for range l {
			at /= perBlock
		}
		path[l] = make([]byte, BlockSize)
		if err := readFull(tree, path[l], (above+at)*BlockSize); err != nil {
			return nil, nil, fmt.Errorf("fsverity: kernel's tree block at level %d: %w", l, err)
		}
		above += s[l]
	}
	return block, path, VerifyBlock(digest, size, salt, index, block, path)
}
