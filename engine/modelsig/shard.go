package modelsig

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// Shard is a range of a file's bytes, End exclusive.
type Shard struct{ Start, End uint64 }

// splitShard cuts "path:start:end" at the last two colons; a path may have its own (OMS 6.3.2).
func splitShard(name string) (string, Shard, error) {
	fail := func() (string, Shard, error) {
		return "", Shard{}, fmt.Errorf("name %q, want path:start:end", attest.Clean(name))
	}
	j := strings.LastIndexByte(name, ':')
	i := strings.LastIndexByte(name[:max(j, 0)], ':')
	if i < 0 {
		return fail()
	}
	start, okStart := offset(name[i+1 : j])
	end, okEnd := offset(name[j+1:])
	if !okStart || !okEnd {
		return fail()
	}
	return name[:i], Shard{start, end}, nil
}

// offset reads a decimal in its one form: "07" and "+7" would give one range two names.
func offset(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && n <= MaxFileBytes && strconv.FormatUint(n, 10) == text
}

// sort puts ranges into the file's order: by name "10" comes before "2".
func (f *signedFile) sort() {
	order := make([]int, len(f.ranges))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if f.ranges[a].Start < f.ranges[b].Start {
			return -1
		}
		return 1
	})
	ranges, digests := make([]Shard, len(order)), make([][32]byte, len(order))
	for i, from := range order {
		ranges[i], digests[i] = f.ranges[from], f.digests[from]
	}
	f.ranges, f.digests = ranges, digests
}
