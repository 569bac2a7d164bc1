package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
	"github.com/hallmark-attest/hallmark/attest/fsverity/sha256x16"
)

const modes = "digest, read, read-direct, kernel, kernel-portable, proof, tree"

// one is what a process of its own does. Its last line is for the program that started it.
func one(ctx context.Context, mode, name string) error {
	if mode == "tree" {
		return treeOnce(ctx, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	switch mode {
	case "digest":
		return digest(ctx, f, st.Size())
	case "read":
		return read(f, st.Size(), min(runtime.GOMAXPROCS(0), disk.DirectWorkers))
	case "read-direct":
		d, err := os.OpenFile(name, os.O_RDONLY|syscall.O_DIRECT, 0)
		if err != nil {
			return err
		}
		defer d.Close()
		return read(d, st.Size(), disk.DirectWorkers)
	case "kernel", "kernel-portable":
		return kernel(mode == "kernel-portable")
	case "proof":
		return proof(ctx, f, st.Size())
	}
	return fmt.Errorf("-one %s: want one of %s", mode, modes)
}

// digest is what the agent does with a file of weights, but for the I/O priority.
func digest(ctx context.Context, f *os.File, size int64) error {
	d := disk.Open(f)
	defer d.Close()
	sum, err := fsverity.Digest(ctx, d, size, fsverity.Options{Workers: d.Workers()})
	if err != nil {
		return err
	}
	c := d.Counts()
	fmt.Fprintf(os.Stderr, "from cache %d, direct %d, buffered %d bytes; sixteen lanes: %v\n", c.Cached, c.Direct, c.Buffered, sha256x16.Available())
	fmt.Printf("sha256:%x\n", sum)
	return nil
}

// read only reads: what the machine allows at most, with as many reads in flight as digest has.
func read(f *os.File, size int64, workers int) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			buf := fsverity.Buffer(fsverity.ChunkSize)
			for {
				off := (next.Add(1) - 1) * fsverity.ChunkSize
				if off >= size {
					return
				}
				if _, err := f.ReadAt(buf, off); err != nil && !errors.Is(err, io.EOF) {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// kernelBytes are hashed by one goroutine from the second-level cache.
const kernelBytes = 1 << 30

func kernel(portable bool) error {
	h, err := sha256x16.New(nil, portable)
	if err != nil {
		return err
	}
	data, out := make([]byte, 1<<20), make([]byte, 1<<20/sha256x16.MessageSize*sha256.Size)
	for range kernelBytes / len(data) {
		h.Sum(out, data)
	}
	return nil
}

// proof leaves sums in memory, proves random blocks, and prints the largest proof and the most that one read.
func proof(ctx context.Context, f *os.File, size int64) error {
	var sums memory
	d := disk.Open(f)
	defer d.Close()
	want, err := fsverity.Digest(ctx, d, size, fsverity.Options{Workers: d.Workers(), Sums: sums.add})
	if err != nil {
		return err
	}
	tree, err := fsverity.NewTree(&sums, size, nil)
	if err != nil {
		return err
	}
	var largest, most int64
	for range 100 {
		c := &counting{r: d}
		at := rand.Int64N(fsverity.Blocks(size))
		block, path, err := tree.Path(ctx, c, at)
		if err == nil {
			err = fsverity.VerifyBlock(want, size, nil, at, block, path)
		}
		if err != nil {
			return fmt.Errorf("block %d: %w", at, err)
		}
		n := int64(len(block))
		for _, b := range path {
			n += int64(len(b))
		}
		largest, most = max(largest, n), max(most, c.n)
	}
	fmt.Println(largest, most, len(sums))
	return nil
}

// memory holds sums.
type memory []byte

func (m *memory) add(b []byte) error {
	*m = append(*m, b...)
	return nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if off > int64(len(*m)) {
		return 0, io.EOF
	}
	n := copy(p, (*m)[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type counting struct {
	r io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}
