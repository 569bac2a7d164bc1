// batch measures what batching is worth: the same agent, once as it is and once with one quote for each challenge, side by
// side on this machine, each over a software TPM whose signatures take as long as a chip's. It exits with 1 below its bars.
//
// Everything but TPM, GPUs and engine is real: agent.Agent with front end, link and collector, HTTPS over kept connections,
// challenges signed by sixty-four listed validators. Responses are only read while the clock runs; afterwards each is held
// against its own challenge and connection.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-attest/hallmark/bench/exit"
)

type options struct {
	bin     string
	kinds   string
	rounds  int
	window  time.Duration
	profile string
	only    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "where hallmark-gpuprobe and hallmark-demo were built")
	flag.StringVar(&o.kinds, "kinds", "all", `"all": tpm, host, eight gpus, engine; "tpm": tpm alone`)
	flag.IntVar(&o.rounds, "rounds", 5, "turns that each side gets")
	flag.DurationVar(&o.window, "window", 0, "length of a turn; 0 is 2s for a fast TPM and 6s for a slow one")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of the batching side's turns at 5ms to this file")
	flag.DurationVar(&o.only, "only", 0, "measure with this delay alone, 5ms or 250ms; 0 is both")
	flag.Parse()
	exit.Run("batch", func(ctx context.Context) error { return run(ctx, o) })
}

// run measures both delays and prints.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "batch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	h, err := newHost(ctx, dir, o)
	if err != nil {
		return err
	}
	defer h.stop()
	fmt.Printf("%d clients, %s, %d rounds of each side in turn, medians; load before: %s\n", clients, h, o.rounds, load())
	below := false
	for _, b := range bars {
		if o.only != 0 && o.only != b.quote {
			continue
		}
		r, err := measure(ctx, h, b.quote, o)
		if err != nil {
			return err
		}
		below = r.print(b) || below
	}
	fmt.Println("load after:", load())
	if below {
		return exit.ErrMissed
	}
	return nil
}
