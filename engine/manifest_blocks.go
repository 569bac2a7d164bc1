package engine

import "github.com/hallmark-attest/hallmark/attest/fsverity"

// Blocks is how many 4096-byte blocks the model's files have together. An empty
// file has none.
func (m Manifest) Blocks() (n uint64) {
	for _, e := range m {
		n += uint64(fsverity.Blocks(int64(e.Size)))
	}
	return n
}

// BlockAt is where block n of the model lies, counted over the files in the
// manifest's order: the entry, and the block in its file. n is below Blocks;
// beyond it the entry is -1.
func (m Manifest) BlockAt(n uint64) (entry int, block int64) {
	for i, e := range m {
		has := uint64(fsverity.Blocks(int64(e.Size)))
		if n < has {
			return i, int64(n)
		}
		n -= has
	}
	return -1, 0
}
