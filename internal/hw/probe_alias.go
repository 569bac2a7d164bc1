package hw

import (
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// known is the address of a GPU whose handle hangs in a new process, so that it has
// none there, if the same GPU hung before: by its index, as the process before had it.
func (h hung) known(s gpu.Stuck) string {
	if !strings.HasPrefix(s.Key, "#") {
		return s.Key
	}
	for key, g := range h {
		if g.last.Index == s.Index && !strings.HasPrefix(key, "#") {
			g.alias = s.Key
			return key
		}
	}
	return s.Key
}

// address puts addresses in the place of aliases in what a sweep says is absent. Where
// both are named, the address alone stays.
func (h hung) address(s *gpu.Sweep) {
	for key, g := range h {
		if g.alias == "" {
			continue
		}
		alias, addressed := "gpu["+g.alias+"]", "gpu["+key+"]"
		named := slices.ContainsFunc(s.Absent, func(a attest.Absence) bool { return a.What == addressed })
		s.Absent = slices.DeleteFunc(s.Absent, func(a attest.Absence) bool { return named && a.What == alias })
		for i := range s.Absent {
			if s.Absent[i].What == alias {
				s.Absent[i].What = addressed
			}
		}
		for i := range s.Stuck {
			if s.Stuck[i].Key == g.alias {
				s.Stuck[i].Key = key
			}
		}
	}
	s.Absent = gpu.Fold(s.Absent) // sorted again
}
