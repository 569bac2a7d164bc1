package census

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// tensor is one entry of a header. Dimensions stand in the order of safetensors,
// the outermost first; a GGUF's are turned round.
type tensor struct {
	name    string
	dtype   dtype
	file    int32 // index of the file
	rank    uint8
	taken   bool      // counted, as weight or as part of another's packing
	indexed bool      // named by the index
	dims    [4]uint64 // the first four
	elems   uint64
	bytes   uint64
}

// dim is one dimension from the outside, 1 beyond the rank.
func (t *tensor) dim(i int) uint64 {
	if i >= int(t.rank) || i >= len(t.dims) {
		return 1
	}
	return t.dims[i]
}

// product multiplies dimensions and refuses what no file can hold.
func product(dims []uint64) (uint64, error) {
	n := uint64(1)
	for _, d := range dims {
		hi, lo := bits.Mul64(n, d)
		if hi != 0 || lo >= 1<<56 {
			return 0, fmt.Errorf("shape %v is larger than any file", dims)
		}
		n = lo
	}
	return n, nil
}

// table holds the tensors of all of a model's files, sorted by name.
type table []tensor

// sort orders the table and refuses a name that stands twice: which of the two
// an engine loads cannot be known.
func (t table) sort(files []File) error {
	slices.SortFunc(t, func(a, b tensor) int { return cmp.Compare(a.name, b.name) })
	for i := range t {
		if i > 0 && t[i].name == t[i-1].name {
			return fmt.Errorf("tensor %s stands in %s and in %s", printable(t[i].name), files[t[i-1].file].Path, files[t[i].file].Path)
		}
	}
	return nil
}

func (t table) find(name string) *tensor {
	if i, ok := slices.BinarySearchFunc(t, name, func(a tensor, n string) int { return cmp.Compare(a.name, n) }); ok {
		return &t[i]
	}
	return nil
}

// printable makes a name from a file fit for an error message.
func printable(s string) string {
	if s = attest.Clean(s); len(s) > 120 {
		s = strings.ToValidUTF8(s[:120], "") + "…"
	}
	return fmt.Sprintf("%q", s)
}
