// hash measures how fast weights are hashed: the agent's way against `fsverity digest`, b3sum and a loop that only reads, in
// turns on this machine, warm and cold; and what it costs to look again at a tree of files that did not change. It exits with 1 below its bars.
//
// Every turn is a process of its own, so that CPU time and memory are those the kernel counted for it. Ratios are taken within a
// round, and the median of the rounds is held against the bar: another job that is busy for a minute disturbs both sides.
//
// Cold means that the file's own pages were dropped, by a call that needs no privilege and leaves other programs' caches alone;
// the kernel is asked afterwards whether they are gone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/bench/exit"
)

type options struct {
	dir    string
	size   int64
	rounds int
	cold   bool
	tree   int64
	files  int
	only   string
	one    string
}

func main() {
	o := options{files: treeFiles}
	flag.StringVar(&o.dir, "dir", benchDir(), "folder on the disk to be measured (HALLMARK_BENCH_DIR); needs the size once, for a while")
	flag.Int64Var(&o.size, "size", 4<<30, "bytes of the file")
	flag.IntVar(&o.rounds, "rounds", 5, "turns that each side gets")
	flag.BoolVar(&o.cold, "cold", true, "measure with the file dropped from memory, too")
	flag.Int64Var(&o.tree, "tree", 3e9, "bytes of the tree of 60,000 files; 0 leaves it out")
	flag.StringVar(&o.only, "only", "", "\"tree\": nothing else is measured")
	flag.StringVar(&o.one, "one", "", "do one thing with the file named as argument, and print what it cost: "+modes)
	flag.Parse()
	exit.Run("hash", func(ctx context.Context) error {
		if o.one != "" {
			return one(ctx, o.one, flag.Arg(0))
		}
		return run(ctx, o)
	})
}

func benchDir() string {
	if d := os.Getenv("HALLMARK_BENCH_DIR"); d != "" {
		return d
	}
	return os.TempDir()
}

// run measures everything and prints.
func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.dir, "hallmark-hash-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(dir, o)
	if err != nil {
		return err
	}
	parts := []func(context.Context) error{b.kernel, b.warm, b.cold, b.memory, b.proof, b.tree}
	if o.only == "tree" {
		parts = parts[len(parts)-1:]
	} else if err := b.write(ctx); err != nil {
		return err
	}
	fmt.Printf("file of %d bytes in %s, %s, rounds of each side in turn: %d, medians; load before: %s\n", o.size, o.dir, cpus(), o.rounds, load())
	for _, part := range parts {
		if err := part(ctx); err != nil {
			return err
		}
	}
	fmt.Println("load after:", load())
	if b.below {
		return exit.ErrMissed
	}
	return nil
}
