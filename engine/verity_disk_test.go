package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/disk"
)

// rawDisk is the block device below HALLMARK_VERITY_DIR, by HALLMARK_VERITY_DEVICE.
// These tests change it under the mounted file system, so it is named by whoever
// can spare it and never found by looking.
func rawDisk(t *testing.T, dir string) *os.File {
	t.Helper()
	name := os.Getenv("HALLMARK_VERITY_DEVICE")
	if name == "" {
		t.Skip("HALLMARK_VERITY_DEVICE names no block device that may be written below HALLMARK_VERITY_DIR: changed disks are not exercised")
	}
	dev, err := os.OpenFile(name, os.O_RDWR|os.O_SYNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	var of, in unix.Stat_t
	if err := errors.Join(unix.Fstat(int(dev.Fd()), &of), unix.Stat(dir, &in)); err != nil || of.Mode&unix.S_IFMT != unix.S_IFBLK || of.Rdev != in.Dev {
		t.Fatalf("%s is not the device of %s: %v", name, dir, err)
	}
	return dev
}

// damage flips a bit in a block of a file, on the disk, past the file system:
// what a thief of the disk, a bad controller or root on the raw device does. The
// block may lie behind the file's end, where ext4 keeps the tree. was is what
// the disk must hold there, so that no other file is hit. It returns when read,
// which reads those bytes by way of the kernel, gets them from the cache no more:
// what lies there was checked and stays, and one drop leaves a page that somebody holds.
func damage(t *testing.T, dev, f *os.File, block int64, was []byte, read func([]byte) error) {
	t.Helper()
	unix.Sync()
	at := int32(block) // FIBMAP: in the file before, on the disk after
	if _, err := ioctl(f, 1, unsafe.Pointer(&at)); err != nil || at <= 0 {
		t.Fatalf("FIBMAP of block %d: %d, %v", block, at, err)
	}
	have := make([]byte, 4096)
	must(dev.ReadAt(have, int64(at)*4096))
	if !bytes.Equal(have[:len(was)], was) {
		t.Fatalf("block %d of the file is not block %d of the disk", block, at)
	}
	have[0] ^= 1
	must(dev.WriteAt(have, int64(at)*4096))
	if err := dev.Sync(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(was))
	for range 50 {
		dropCaches(t)
		if err := read(got); err != nil || !bytes.Equal(got, was) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the cache keeps the block")
}

// dropCaches lets go of what the kernel has read and nobody holds.
func dropCaches(t *testing.T) {
	t.Helper()
	unix.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		t.Fatal(err)
	}
}

func TestKernelRefusesReadsOfDamagedDisk(t *testing.T) {
	dir := verityDir(t)
	dev := rawDisk(t, dir)
	name := filepath.Join(dir, "f")
	const bad = 1000
	data := patterned(t, name, 9<<20+77)
	f := opened(t, name)
	enable(t, f, nil)
	before := must(kernelDigest(f))
	dropCaches(t)
	d := NewDigests(DigestOptions{Now: ahead})
	provesByKernel(t, d, f, before)

	readBad := func(p []byte) error { _, err := f.ReadAt(p, bad*4096); return err }
	damage(t, dev, f, bad, data[bad*4096:(bad+1)*4096], readBad)
	p := make([]byte, 4096)
	err := readBad(p)
	if !errors.Is(err, unix.EIO) {
		t.Fatalf("read: %v", err)
	}
	t.Logf("read of block %d: %v", bad, err)
	past := disk.Open(f)
	defer past.Close()
	if _, err := past.ReadAt(p, bad*4096); !errors.Is(err, unix.EIO) {
		t.Errorf("read past the page cache: %v", err)
	}
	if _, err := fsverity.Digest(t.Context(), f, int64(len(data)), fsverity.Options{}); !errors.Is(err, unix.EIO) {
		t.Errorf("hash: %v", err)
	}
	for _, at := range []int64{0, bad - 1, bad + 1} {
		if _, err := f.ReadAt(p, at*4096); err != nil || !bytes.Equal(p, data[at*4096:(at+1)*4096]) {
			t.Errorf("block %d, which is whole: %v", at, err)
		}
	}

	// The digest says what reads are checked against, not that the disk is whole.
	again := opened(t, name)
	if got, err := kernelDigest(again); err != nil || got != before {
		t.Errorf("the kernel says %x, %v, before %x", got, err, before)
	}
	if stated := must(ask(t, d, again, false)); stated.Freshness != FreshKernel || [32]byte(stated.FSVerity) != before {
		t.Errorf("%+v", stated)
	}
	b := must(d.Blocks(t.Context(), again))
	defer b.Close()
	block, path, err := b.At(t.Context(), bad)
	if !errors.Is(err, unix.EIO) || !strings.Contains(err.Error(), "block 1000") || block != nil || path != nil {
		t.Errorf("proof of the block: %x, %v", block, err)
	}
	t.Logf("proof of block %d: %v", bad, err)
	if block, path, err := b.At(t.Context(), bad+1); err != nil || fsverity.VerifyBlock(before, b.SizeBytes, nil, bad+1, block, path) != nil {
		t.Errorf("proof of a block that is whole: %v", err)
	}
}

// The kernel does not check the tree that it hands out (fsverity.rst,
// "FS_IOC_READ_VERITY_METADATA"); the proof does.
func TestKernelTreeOfDamagedDiskProvesNothing(t *testing.T) {
	dir := verityDir(t)
	dev := rawDisk(t, dir)
	name := filepath.Join(dir, "f")
	patterned(t, name, 9<<20+77)
	f := opened(t, name)
	enable(t, f, nil)
	before := must(kernelDigest(f))
	leaf := make([]byte, 4096) // behind the root: hashes of the first 128 blocks
	readLeaf := func(p []byte) error { _, err := kernelTree{f}.ReadAt(p, 4096); return err }
	if err := readLeaf(leaf); err != nil {
		t.Fatal(err)
	}
	const start = (9<<20 + 77 + 65535) / 65536 * 16 // ext4 keeps the tree from the next 64 KiB on (ext4/verity.c)
	damage(t, dev, f, start+1, leaf, readLeaf)
	b := must(NewDigests(DigestOptions{Now: ahead}).Blocks(t.Context(), f))
	defer b.Close()
	for _, at := range []int64{0, 127} {
		block, _, err := b.At(t.Context(), at)
		if err == nil {
			t.Errorf("a proof of block %d: %x", at, block[:16])
		}
		t.Logf("proof of block %d: %v", at, err)
	}
	if block, path, err := b.At(t.Context(), 128); err != nil || fsverity.VerifyBlock(before, b.SizeBytes, nil, 128, block, path) != nil {
		t.Errorf("proof of a block below another tree block: %v", err)
	}
}

// A challenge gets an absence with the reason, and no proofs beside it.
func TestKernelRefusalIsAnAbsenceOfProofs(t *testing.T) {
	dir := verityDir(t)
	dev := rawDisk(t, dir)
	name := filepath.Join(dir, "model.gguf")
	data := patterned(t, name, 4097)
	f := opened(t, name)
	enable(t, f, nil)
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "e", Endpoint: "http://127.0.0.1:1", Models: []string{name}})
	m := collect(t, c).Engines[0].Models[0]
	if !m.Complete || m.Entries[0].FSVerity != must(kernelDigest(f)) {
		t.Fatalf("%+v", m)
	}
	damage(t, dev, f, 0, data[:4096], func(p []byte) error { _, err := f.ReadAt(p, 0); return err })
	// Of two blocks, 32 picks leave none out.
	a := c.Blocks(t.Context(), attest.Nonce{1}, []attest.BlockRequest{{Count: attest.MaxBlocks, Model: attest.Digest(m.Digest)}})[0]
	if a.Absent == nil || a.Absent.Reason != attest.Failed || !strings.Contains(a.Absent.Detail, "model.gguf: block 0: ") || len(a.Nodes)+len(a.Proofs) > 0 {
		t.Fatalf("%+v", a)
	}
	t.Logf("%s: %s", a.Absent.Reason, a.Absent.Detail)
}
