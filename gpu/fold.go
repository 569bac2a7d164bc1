package gpu

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// fold says the same with fewer absences: a value that several links, GPUs or
// pairs lack for one reason becomes one line. Hosts of equal GPUs lack equal
// things, so the list stays short.
func fold(list []attest.Absence) []attest.Absence {
	list = foldBy(list, starLast)
	list = foldBy(list, starAll)
	list = sorted(list)
	list = slices.CompactFunc(list, func(a, b attest.Absence) bool { return a.What == b.What })
	if len(list) <= MaxAbsences {
		return list
	}
	return squeeze(list)
}

// foldBy replaces every group of absences that share a name and a reason by one.
// A group whose reasons differ stays as it is: a "*" must be true of all it names.
func foldBy(list []attest.Absence, name func(string) string) []attest.Absence {
	groups := make(map[string][]attest.Absence)
	for _, a := range list {
		n := name(a.What)
		groups[n] = append(groups[n], a)
	}
	var out []attest.Absence
	for n, g := range groups {
		if len(g) > 1 && uniform(g) {
			g[0].What = n
			g = g[:1]
		}
		out = append(out, g...)
	}
	return out
}

func uniform(g []attest.Absence) bool {
	for _, a := range g[1:] {
		if a.Reason != g[0].Reason || a.Detail != g[0].Detail {
			return false
		}
	}
	return true
}

// starLast replaces the last key of a path by "*"; starAll every key.
func starLast(path string) string {
	open, end := strings.LastIndexByte(path, '['), strings.LastIndexByte(path, ']')
	if open < 0 || end == len(path)-1 {
		return path // no list, or the element itself
	}
	return path[:open+1] + "*" + path[end:]
}

func starAll(path string) string {
	if strings.HasSuffix(path, "]") {
		return path
	}
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "[")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		_, path, _ = strings.Cut(rest, "]")
		out.WriteString("[*]")
	}
}

// squeeze keeps the list within its limit at the price of detail: one line for
// each GPU, one for the pairs, with the first reason found.
func squeeze(list []attest.Absence) []attest.Absence {
	short := func(path string) string {
		switch i := strings.IndexByte(path, ']'); {
		case i < 0:
			return path
		case strings.HasPrefix(path, "pair["):
			return "pair[*]"
		default:
			return path[:i+1]
		}
	}
	var out []attest.Absence
	seen := make(map[string]bool)
	for _, a := range list {
		n := short(a.What)
		if seen[n] {
			continue
		}
		seen[n] = true
		if n != a.What {
			a = attest.Absent(n, a.Reason, "several values, first %s: %s", a.What, a.Detail)
		}
		out = append(out, a)
	}
	return sorted(out)
}

func sorted(list []attest.Absence) []attest.Absence {
	slices.SortFunc(list, func(a, b attest.Absence) int { return cmp.Compare(a.What, b.What) })
	return list
}
