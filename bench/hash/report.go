package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// table prints each side's medians.
func (b *bench) table(sides []side, t map[string][]turn) {
	gb := float64(b.opt.size) / 1e9
	for _, s := range sides {
		w, c := median(each(t[s.name], wall)), median(each(t[s.name], cpu))
		rss := median(each(t[s.name], func(t turn) float64 { return float64(t.rss) }))
		fmt.Printf("  %-22s wall %6.2f s, CPU %6.2f s, %5.2f GB/s, %5.2f GB a CPU second, %4.2f processors at once, %6.1f MiB\n", s.name, w, c, gb/w, gb/c, c/w, rss/(1<<20))
	}
}

func each(turns []turn, f func(turn) float64) (out []float64) {
	for _, t := range turns {
		out = append(out, f(t))
	}
	return out
}

func median[T cmp.Ordered](v []T) T { return slices.Sorted(slices.Values(v))[len(v)/2] }

func text(v []float64) string {
	var out []string
	for _, x := range v {
		out = append(out, fmt.Sprintf("%.2f", x))
	}
	return strings.Join(out, " ")
}

// load is what else this machine does: the three load averages.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

func threads() int { return runtime.GOMAXPROCS(0) }

// cpus is how many processors there are, and which.
func cpus() string {
	model := "unknown processor"
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			model = strings.TrimSpace(v)
			break
		}
	}
	return fmt.Sprintf("%d x %s", threads(), model)
}
