package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hallmark-attest/hallmark/attest/fsverity/sha256x16"
)

const (
	lanes    = "hallmark, AVX-512"
	portable = "hallmark, no AVX-512"
	noLanes  = "GODEBUG=cpu.avx512f=off"
	tool     = "fsverity digest"
	maxRSS   = 32 << 20
)

// kernel compares the two ways to hash blocks, without a file.
func (b *bench) kernel(ctx context.Context) error {
	if !sha256x16.Available() {
		fmt.Println("kernel: NOT MEASURED, no AVX-512 here, or switched off")
		return nil
	}
	t, err := b.rounds(ctx, []side{b.own("lanes", "kernel"), b.own("one", "kernel-portable")})
	if err != nil {
		return err
	}
	fmt.Println("blocks from the second-level cache, one thread")
	rate := func(name string) float64 { return kernelBytes / 1e9 / median(each(t[name], cpu)) }
	r, all := ratio(t["one"], t["lanes"], cpu)
	b.held(r >= 2, "%.2f GB a CPU second, crypto/sha256 %.2f: %.2fx (%s), bar 2.00x", rate("lanes"), rate("one"), r, text(all))
	return nil
}

// warm compares with the file in memory.
func (b *bench) warm(ctx context.Context) error {
	sides := []side{b.tool(), b.own(portable, "digest", noLanes), b.own("read loop", "read")}
	if sha256x16.Available() {
		sides = append(sides, b.own(lanes, "digest"))
	}
	if path, err := exec.LookPath("b3sum"); err == nil {
		sides = append(sides, side{name: "b3sum", argv: []string{path, "--num-threads", fmt.Sprint(threads()), b.name}})
	}
	if _, err := b.own("", "read").take(ctx); err != nil {
		return err
	}
	if have, err := b.resident(); err == nil && have < b.opt.size*99/100 {
		fmt.Printf("warm: only %d of %d bytes are in memory: what follows reads from disk, too\n", have, b.opt.size)
	}
	t, err := b.rounds(ctx, sides)
	if err != nil {
		return err
	}
	fmt.Println("warm")
	b.table(sides, t)
	if err := agree(t, tool, portable, lanes); err != nil {
		return err
	}
	b.against(t, lanes, 0.55, 0.40, "stretch 0.45, 0.30")
	b.against(t, portable, 0.95, 0.55, "")
	return nil
}

// against holds a side's costs against those of the tool.
func (b *bench) against(t map[string][]turn, name string, cpuBar, wallBar float64, stretch string) {
	if t[name] == nil {
		fmt.Printf("  %s: NOT MEASURED\n", name)
		return
	}
	c, cs := ratio(t[name], t[tool], cpu)
	w, ws := ratio(t[name], t[tool], wall)
	b.held(c <= cpuBar, "%s: CPU %.2fx of %s (%s), bar %.2fx %s", name, c, tool, text(cs), cpuBar, stretch)
	b.held(w <= wallBar, "%s: wall %.2fx of %s (%s), bar %.2fx", name, w, tool, text(ws), wallBar)
}

// cold compares with the file on disk alone.
func (b *bench) cold(ctx context.Context) error {
	if !b.opt.cold {
		fmt.Println("cold: NOT MEASURED, -cold=false")
		return nil
	}
	name := lanes
	if !sha256x16.Available() {
		name = portable
	}
	sides := []side{b.own(name, "digest"), b.own("direct read loop", "read-direct"), b.tool()}
	for i := range sides {
		sides[i].cold = true
	}
	t, err := b.rounds(ctx, sides)
	if errors.Is(err, errKept) {
		fmt.Println("cold: NOT MEASURED:", err)
		return nil
	} else if err != nil {
		return err
	}
	fmt.Println("cold")
	b.table(sides, t)
	if err := agree(t, tool, name); err != nil {
		return err
	}
	r, all := ratio(t["direct read loop"], t[name], wall)
	b.held(r >= 0.7, "%s: %.2fx the speed of the direct read loop (%s), bar 0.70x, stretch 0.85", name, r, text(all))
	r, all = ratio(t[tool], t[name], wall)
	fmt.Printf("  %s: %.2fx the speed of %s (%s)\n", name, r, tool, text(all))
	return nil
}

// memory hashes files of two sizes; they are sparse, which costs no disk and as much memory.
func (b *bench) memory(ctx context.Context) error {
	fmt.Println("memory")
	for _, size := range []int64{1 << 30, 8 << 30} {
		name := filepath.Join(b.dir, "sparse")
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, size)); err != nil {
			return err
		}
		t, err := side{name: "memory", argv: []string{b.self, "-one", "digest", name}}.take(ctx)
		if err != nil {
			return err
		}
		b.held(t.rss <= maxRSS, "%d GiB: %.1f MiB resident at most, bar %d MiB", size>>30, float64(t.rss)/(1<<20), maxRSS>>20)
	}
	return nil
}

// proof looks at the cost of proving a block.
func (b *bench) proof(ctx context.Context) error {
	t, err := b.own("proof", "proof").take(ctx)
	if err != nil {
		return err
	}
	var size, reads, kept int64
	if _, err := fmt.Sscan(t.out, &size, &reads, &kept); err != nil {
		return fmt.Errorf("proof: %q: %w", t.out, err)
	}
	fmt.Println("proofs, 100 random blocks")
	b.held(size <= 21<<10 && reads <= 512<<10, "%d bytes from %d bytes of reads, bar %d from %d", size, reads, 21<<10, 512<<10)
	fmt.Printf("  kept for them: %d bytes, %.4f %% of the file\n", kept, 100*float64(kept)/float64(b.opt.size))
	return nil
}

// agree says whether all that name the file name it alike.
func agree(t map[string][]turn, names ...string) error {
	var first string
	for _, n := range names {
		for _, one := range t[n] {
			got := strings.TrimPrefix(one.out, "sha256:")
			if first == "" {
				first = got
			}
			if got != first || len(got) != 64 {
				return fmt.Errorf("%s says %q, %s %q", n, got, names[0], first)
			}
		}
	}
	return nil
}
