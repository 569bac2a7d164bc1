package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const (
	treeFiles = 60_000 // ten in each directory
	treeBar   = 1.0 / 15
	rechecks  = 5 // in each turn
)

// tree compares the first collection of a model of many small files, like an engine's package tree, with those that follow.
func (b *bench) tree(ctx context.Context) error {
	if b.opt.tree == 0 {
		fmt.Println("tree: NOT MEASURED, -tree 0")
		return nil
	}
	dir := filepath.Join(b.dir, "tree")
	size, err := plant(ctx, dir, b.opt.files, b.opt.tree)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	time.Sleep(3 * time.Second) // what changed within two seconds is looked at again
	var ratios, full, again []float64
	for range b.opt.rounds {
		t, err := side{name: "tree", argv: []string{b.self, "-one", "tree", dir}}.take(ctx)
		if err != nil {
			return err
		}
		var f, a float64
		if _, err := fmt.Sscan(t.out, &f, &a); err != nil {
			return fmt.Errorf("tree: %q: %w", t.out, err)
		}
		full, again, ratios = append(full, f), append(again, a), append(ratios, a/f)
	}
	fmt.Printf("tree of %d files in %d directories, %d bytes\n", b.opt.files, b.opt.files/10, size)
	r := median(ratios)
	b.held(r <= treeBar, "first collection CPU %.3f s, repeated %.3f s: 1/%.1f (%s), bar 1/15", median(full), median(again), 1/r, text(inverse(ratios)))
	return nil
}

func inverse(v []float64) (out []float64) {
	for _, x := range v {
		out = append(out, 1/x)
	}
	return out
}

// plant makes the tree: sizes as those of an installed engine, few large libraries and many small sources.
func plant(ctx context.Context, dir string, files int, total int64) (size int64, err error) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, 64<<20)
	rand.NewChaCha8([32]byte{2}).Read(noise)
	scale := float64(total) / 3e9
	for i := range files {
		n := min(2e6, math.Exp(8.3+1.4*r.NormFloat64()))
		switch {
		case i < 3:
			n = 4e8
		case i < 7:
			n = 1.5e8
		case i < 27:
			n = 3e7
		}
		n = max(1, n*scale)
		in := filepath.Join(dir, fmt.Sprintf("pkg%d/sub%d", i%300, i/300%(files/3000)))
		if i < files/10 {
			if err := os.MkdirAll(in, 0o700); err != nil {
				return size, err
			}
		}
		if err := scatter(filepath.Join(in, fmt.Sprintf("f%d.py", i)), int64(n), noise, r); err != nil {
			return size, err
		}
		if size += int64(n); ctx.Err() != nil {
			return size, ctx.Err()
		}
	}
	return size, nil
}

func scatter(name string, n int64, noise []byte, r *rand.Rand) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for n > 0 {
		at := r.IntN(len(noise))
		part := noise[at:min(len(noise), at+int(min(n, int64(len(noise)))))]
		if _, err := f.Write(part); err != nil {
			return err
		}
		n -= int64(len(part))
	}
	return nil
}

// treeOnce collects a tree until all of it is hashed and then again, and prints the CPU seconds of both. A file that
// is added deep inside must be seen at once.
func treeOnce(ctx context.Context, dir string) error {
	digests := engine.NewDigests(engine.DigestOptions{BudgetBytes: 1 << 40})
	c, err := engine.NewCollector(engine.Config{Engines: []engine.EngineConfig{{Name: "tree", Endpoint: "http://127.0.0.1:1", Models: []string{dir}}}},
		proc.FS{Root: "/proc"}, digests, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = digests.Run(ctx) }()
	before := cpuTime()
	if _, err := c.Collect(ctx); err != nil {
		return err
	}
	if err := digests.Wait(ctx); err != nil {
		return err
	}
	m, err := collectTree(ctx, c)
	full := cpuTime() - before
	if err != nil || !m.Complete {
		return fmt.Errorf("%d files, complete is %v: %w", m.Files, m.Complete, err)
	}
	before = cpuTime()
	for range rechecks {
		if again, err := collectTree(ctx, c); err != nil || string(again.Digest) != string(m.Digest) {
			return fmt.Errorf("collected again: %x, %x: %w", again.Digest, m.Digest, err)
		}
	}
	again := (cpuTime() - before) / rechecks
	added := filepath.Join(dir, "pkg7", "sub0", "sitecustomize.py")
	if err := os.WriteFile(added, []byte("x"), 0o600); err != nil {
		return err
	}
	defer os.Remove(added)
	if now, err := collectTree(ctx, c); err != nil || now.Files != m.Files+1 {
		return fmt.Errorf("%d files after one was added: %w", now.Files, err)
	}
	fmt.Println(full.Seconds(), again.Seconds())
	return nil
}

func collectTree(ctx context.Context, c *engine.Collector) (engine.Model, error) {
	claims, err := c.Collect(ctx)
	if err != nil {
		return engine.Model{}, err
	}
	if len(claims.Engines) != 1 || len(claims.Engines[0].Models) != 1 {
		return engine.Model{}, errors.New("no model")
	}
	return claims.Engines[0].Models[0], nil
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
