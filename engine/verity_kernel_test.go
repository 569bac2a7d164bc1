package engine

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

// verityDir is a folder on a file system with fs-verity, by HALLMARK_VERITY_DIR.
// Kernels without the feature are common, so it is handed in and never assumed.
func verityDir(t *testing.T) string {
	dir := os.Getenv("HALLMARK_VERITY_DIR")
	if dir == "" {
		t.Skip("HALLMARK_VERITY_DIR names no folder on a file system with fs-verity: the kernel's own digest and tree are not exercised")
	}
	dir, err := os.MkdirTemp(dir, "verity-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// enable makes the kernel protect a file from now on (FS_IOC_ENABLE_VERITY).
func enable(t *testing.T, f *os.File, salt []byte) {
	t.Helper()
	arg := struct {
		version, algorithm, blockSize, saltSize uint32
		salt                                    unsafe.Pointer
		signatureSize, reserved                 uint32
		signature                               uint64
		more                                    [11]uint64
	}{version: 1, algorithm: 1, blockSize: 4096, saltSize: uint32(len(salt)), salt: unsafe.Pointer(unsafe.SliceData(salt))}
	if _, err := ioctl(f, unix.FS_IOC_ENABLE_VERITY, unsafe.Pointer(&arg)); err != nil {
		t.Fatalf("enable fs-verity: %v", err)
	}
}

// shapes are files around every boundary of the tree, four of random sizes, and
// one that is for the most part a hole.
func shapes(t *testing.T) map[string]func(name string) {
	sizes := []int{0, 1, 4095, 4096, 4097, 512<<10 - 1, 512 << 10, 512<<10 + 1, 9<<20 + 77, 64<<20 - 1, 64 << 20, 64<<20 + 1}
	for range 4 {
		sizes = append(sizes, rand.IntN(4<<20))
	}
	out := map[string]func(string){"hole": func(name string) {
		f := must(os.Create(name))
		defer f.Close()
		must(f.WriteAt([]byte("middle"), 33<<20+4090))
		must(f.WriteAt([]byte("last"), big-4))
		if info := must(f.Stat()); info.Size() != big || info.Sys().(*syscall.Stat_t).Blocks*512 > 1<<20 {
			t.Fatalf("no hole: %+v", info.Sys())
		}
	}}
	for _, n := range sizes {
		out[strconv.Itoa(n)] = func(name string) { patterned(t, name, n) }
	}
	return out
}

func TestKernelDigestAndTreeAreOurs(t *testing.T) {
	dir := verityDir(t)
	for shape, create := range shapes(t) {
		t.Run(shape, func(t *testing.T) {
			name := filepath.Join(dir, "f")
			create(name)
			defer os.Remove(name)
			f := opened(t, name)
			n := must(f.Stat()).Size()
			ours := must(fsverity.Digest(t.Context(), f, n, fsverity.Options{}))
			if _, err := kernelDigest(f); !errors.Is(err, errNoVerity) {
				t.Fatalf("before it is on: %v", err)
			}
			enable(t, f, nil)
			got, err := kernelDigest(f)
			if err != nil || got != ours {
				t.Fatalf("kernel says %x, %v, we %x", got, err, ours)
			}
			d := NewDigests(DigestOptions{Now: ahead})
			if stated := must(ask(t, d, f, false)); stated.DigestSource != SourceKernel || stated.Freshness != FreshKernel || [32]byte(stated.FSVerity) != ours {
				t.Fatalf("%+v", stated)
			}
			provesByKernel(t, d, f, ours)
		})
	}
}

// provesByKernel holds blocks of the kernel's tree against our digest and against the file.
func provesByKernel(t *testing.T, d *Digests, f *os.File, digest [32]byte) {
	t.Helper()
	b, err := d.Blocks(t.Context(), f)
	if err != nil || b.Source != SourceKernel || b.Digest != digest {
		t.Fatalf("%+v, %v", b, err)
	}
	defer b.Close()
	last := fsverity.Blocks(b.SizeBytes) - 1
	for _, at := range []int64{0, last / 2, last} {
		if last < 0 {
			break
		}
		want := make([]byte, min(4096, b.SizeBytes-at*4096))
		must(f.ReadAt(want, at*4096))
		block, path, err := b.At(t.Context(), at)
		if err == nil {
			err = fsverity.VerifyBlock(digest, b.SizeBytes, nil, at, block, path)
		}
		if err != nil || !bytes.Equal(block, want) {
			t.Fatalf("block %d: %v", at, err)
		}
	}
}

// Root too, which a test of writes must be: others are refused by the mode.
func TestKernelRefusesWritesFromRoot(t *testing.T) {
	name := filepath.Join(verityDir(t), "f")
	if os.Geteuid() != 0 {
		t.Skip("not root: that root may not write is not exercised")
	}
	patterned(t, name, 9000)
	if err := os.Truncate(name, 8999); err != nil {
		t.Fatalf("before it is on: %v", err)
	}
	f := opened(t, name)
	enable(t, f, nil)
	for what, try := range map[string]func() error{
		"open for writing":   func() error { return openAs(name, os.O_WRONLY) },
		"open for both":      func() error { return openAs(name, os.O_RDWR) },
		"open for appending": func() error { return openAs(name, os.O_WRONLY|os.O_APPEND) },
		"open to empty":      func() error { return openAs(name, os.O_WRONLY|os.O_TRUNC) },
		"truncate":           func() error { return os.Truncate(name, 10) },
		"extend":             func() error { return os.Truncate(name, 1<<20) },
	} {
		err := try()
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", what, err)
		}
		t.Logf("root, %s: %v", what, err)
	}
	// The name is not protected: another file may take it, and is seen to have no digest of the kernel's.
	ours := must(kernelDigest(f))
	patterned(t, name+".other", 8999)
	if err := os.Rename(name+".other", name); err != nil {
		t.Fatal(err)
	}
	if _, err := kernelDigest(opened(t, name)); !errors.Is(err, errNoVerity) {
		t.Errorf("another file of this name: %v", err)
	}
	if got, err := kernelDigest(f); err != nil || got != ours {
		t.Errorf("the open file: %v", err)
	}
}

func openAs(name string, flag int) error {
	f, err := os.OpenFile(name, flag, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// Times of an emulated processor say little, their ratio does. The bar is for
// what would read the file, 64 times as much; it is no measure of the ioctl.
func TestKernelDigestCostsTheSameForAnySize(t *testing.T) {
	dir := verityDir(t)
	names := []string{filepath.Join(dir, "small"), filepath.Join(dir, "large")}
	var hashed time.Duration
	for i, size := range []int{1 << 20, 64 << 20} {
		patterned(t, names[i], size)
		f := opened(t, names[i])
		from := time.Now()
		must(fsverity.Digest(t.Context(), f, int64(size), fsverity.Options{}))
		hashed = time.Since(from)
		enable(t, f, nil)
	}
	var took [2][]time.Duration
	for range 501 { // in turns, so that what disturbs the machine disturbs both
		for i, name := range names {
			from := time.Now()
			f := must(os.Open(name))
			must(kernelDigest(f))
			f.Close()
			took[i] = append(took[i], time.Since(from))
		}
	}
	median := func(i int) time.Duration { slices.Sort(took[i]); return took[i][len(took[i])/2] }
	small, large := median(0), median(1)
	t.Logf("open, measure, close, medians of %d: 1 MiB %v, 64 MiB %v, ratio %.2f; hashing 64 MiB here takes %v, %.0f times as long",
		len(took[0]), small, large, float64(large)/float64(small), hashed.Round(time.Millisecond), float64(hashed)/float64(large))
	if large > 16*small {
		t.Error("the kernel's digest costs more for more bytes")
	}
}

func TestKernelDigestOfSaltedFileIsAnotherName(t *testing.T) {
	name := filepath.Join(verityDir(t), "f")
	patterned(t, name, 3<<20)
	f := opened(t, name)
	enable(t, f, []byte("pepper"))
	if _, err := kernelDigest(f); !errors.Is(err, errNoVerity) {
		t.Fatal(err)
	}
	if got := must(ask(t, NewDigests(DigestOptions{Now: ahead}), f, false)); got.DigestSource != SourceComputed {
		t.Fatalf("%+v", got)
	}
}
