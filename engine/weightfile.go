package engine

import (
	"path/filepath"
	"slices"
	"strings"
)

// WeightFile reports whether a file of a model holds weights, by its name and
// size: what a model computes with, as against what describes it. Both sides
// use it, so that a changed README is not taken for changed weights.
func WeightFile(path string, size uint64) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return slices.Contains(weightSuffixes, ext) || ext == ".bin" && size >= minBin
}
