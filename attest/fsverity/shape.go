package fsverity

// MaxLevels is how many levels of tree blocks the largest file can have: 128 to
// the power of 8 blocks are more than an offset can name.
const MaxLevels = 8

// shape is how many tree blocks each level has, lowest first. A file of one
// block or none has no tree block.
func shape(size int64) []int64 {
	var s []int64
	for n := ceil(size, BlockSize); n > 1; {
		n = ceil(n, perBlock)
		s = append(s, n)
	}
	return s
}

// Levels is how many tree blocks the path of a block has, in a file of this size.
func Levels(size int64) int { return len(shape(size)) }

// Blocks is how many data blocks a file of this size has.
func Blocks(size int64) int64 { return ceil(max(0, size), BlockSize) }

// blockLen is the length of a data block: the last one ends with the file.
func blockLen(size, index int64) int64 { return min(BlockSize, size-index*BlockSize) }
