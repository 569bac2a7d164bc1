// telemetry measures what recording costs: the real agent over eight simulated GPUs,
// once a second and ten times a second, beside the same agent without GPUs and beside
// prometheus-node-exporter scraped once a second, all at the same time on this machine;
// and a day of records through the recorder in a minute. It exits with 1 above its bars.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hallmark-attest/hallmark/bench/exit"
)

type options struct {
	bin     string
	seconds time.Duration
	rounds  int
	day     bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "where hallmark-agent and hallmark-gpuprobe were built")
	flag.DurationVar(&o.seconds, "window", 20*time.Second, "length of a round")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds, of which the medians are told")
	flag.BoolVar(&o.day, "day", false, "the day alone, in this process")
	flag.Parse()
	exit.Run("telemetry", func(ctx context.Context) error { return run(ctx, o) })
}

func run(ctx context.Context, o options) error {
	if o.day {
		return day(ctx)
	}
	dir, err := os.MkdirTemp("", "telemetry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Printf("8 simulated H100 that move, %d rounds of %v, medians; load before: %s\n", o.rounds, o.seconds, load())
	above, err := measure(ctx, o, dir)
	if err != nil {
		return err
	}
	dayAbove, err := dayApart(ctx)
	if err != nil {
		return err
	}
	fmt.Println("load after:", load())
	if above || dayAbove {
		return exit.ErrMissed
	}
	return nil
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
