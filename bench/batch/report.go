package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// bar is what batching must be worth at one delay.
type bar struct {
	quote time.Duration
	ratio float64
	alone float64 // one client's latency over the bare TPM's; 0: not held
}

var bars = []bar{{5 * time.Millisecond, 25, 1.15}, {250 * time.Millisecond, 50, 0}}

// tail is the most that the slowest hundredth of a crowd may wait: for the quote under way, for its own, and for what is beside them.
func (b bar) tail() time.Duration { return b.quote*23/10 + 10*time.Millisecond }

// print writes a delay's lines and reports whether a bar was missed.
func (r *result) print(b bar) (below bool) {
	ratio, p99 := median(r.ratios), median(each(r.batched, func(t turn) time.Duration { return percentile(t.latency, 99) }))
	perSecond := func(t turn) float64 { return t.perSecond }
	fmt.Printf("%v: %.1fx\n", b.quote, ratio)
	fmt.Printf("  %.0f/s against %.1f/s, rounds %s; %.1f answers a quote; response of %d bytes\n", median(each(r.batched, perSecond)),
		median(each(r.unbatched, perSecond)), text(r.ratios), median(each(r.batched, func(t turn) float64 { return t.perQuote })), r.size)
	fmt.Printf("  p50 %s, p99 %s ms\n", ms(median(each(r.batched, func(t turn) time.Duration { return percentile(t.latency, 50) }))), ms(p99))
	alone := float64(median(r.alone)) / float64(median(r.raw))
	fmt.Printf("  one client %s ms, raw %s ms: %.2fx\n", ms(median(r.alone)), ms(median(r.raw)), alone)
	miss := func(missed bool, format string, args ...any) {
		if missed {
			below = true
			fmt.Printf("  BELOW THE BAR: "+format+"\n", args...)
		}
	}
	miss(ratio < b.ratio, "%.1fx, want %.0fx", ratio, b.ratio)
	miss(p99 > b.tail(), "p99 %s ms, want %s ms", ms(p99), ms(b.tail()))
	miss(b.alone > 0 && alone > b.alone, "one client %.2fx, want %.2fx", alone, b.alone)
	return below
}

func each[T any](turns []turn, f func(turn) T) []T {
	var out []T
	for _, t := range turns {
		out = append(out, f(t))
	}
	return out
}

func median[T cmp.Ordered](v []T) T { return slices.Sorted(slices.Values(v))[len(v)/2] }

// percentile of sorted values.
func percentile(v []time.Duration, p int) time.Duration { return v[max(0, (len(v)*p+99)/100-1)] }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000) }

func text(v []float64) string {
	var out []string
	for _, x := range v {
		out = append(out, fmt.Sprintf("%.1f", x))
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
