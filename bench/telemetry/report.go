package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// report prints medians and says whether a bar was crossed.
func report(sides []*side, dir string) (above bool) {
	idle := median(sides[0].used)
	for _, s := range sides {
		now, most, err := rss(s.cmd.Process.Pid)
		if err != nil {
			fmt.Printf("%-28s %v\n", s.name, err)
			above = true
			continue
		}
		fmt.Printf("%-28s %.3f %% of a core, RSS %.1f MiB (most %.1f)", s.name, median(s.used), mib(now), mib(most))
		if len(s.sub) > 0 {
			fmt.Printf("; probe and driver %.2f %%", median(s.sub))
		}
		fmt.Println()
		if s.bar > 0 && median(s.used) > s.bar {
			fmt.Printf("ABOVE THE BAR: %s: %.3f %%, want %.1f %% (%.3f %% more than without GPUs)\n", s.name, median(s.used), s.bar, median(s.used)-idle)
			above = true
		}
	}
	return sizes(dir) || above
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// sizes tells what the agents' chunks hold.
func sizes(dir string) (above bool) {
	files, _ := filepath.Glob(filepath.Join(dir, "agent-*", "telemetry", "*", "*.chunk"))
	var disk, raw, values, records int
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			fmt.Println(err)
			return true
		}
		list, _, err := c.Verify()
		if err != nil {
			fmt.Println(err)
			return true
		}
		disk += len(b)
		for _, r := range list {
			enc, _ := r.Encode() // it was encoded by Verify
			raw, records = raw+len(enc), records+1
			for _, d := range r.Devices {
				values += len(d.Values) / 2
			}
		}
	}
	if values == 0 {
		fmt.Println("no chunk on disk: let it run for over a minute")
		return true
	}
	perValue, smaller := float64(disk)/float64(values), float64(raw)/float64(disk)
	each := float64(values) / float64(records)
	fmt.Printf("%.0f values a sweep: %.0f values/s at 1 Hz, %.0f at 10 Hz\n", each, each, 10*each)
	fmt.Printf("on disk: %d chunks of %d records: %.2f bytes a value, %.1fx smaller than the records, %.1fx than 8 bytes a value\n", len(files), records, perValue, smaller, 8/perValue)
	if perValue > 2 || smaller < 8 {
		fmt.Println("ABOVE THE BAR: want 2 bytes a value and 8x")
		return true
	}
	return false
}
