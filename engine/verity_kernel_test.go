package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
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

func TestKernelDigestAndTreeAreOurs(t *testing.T) {
	dir := verityDir(t)
	for _, n := range []int{0, 1, 4095, 4096, 4097, 512<<10 - 1, 512 << 10, 512<<10 + 1, 9<<20 + 77, 64<<20 + 1} {
		name := filepath.Join(dir, "f")
		data := patterned(t, name, n)
		f := opened(t, name)
		ours := must(fsverity.Digest(t.Context(), f, int64(n), fsverity.Options{}))
		if _, err := kernelDigest(f); !errors.Is(err, errNoVerity) {
			t.Fatalf("before it is on: %v", err)
		}
		enable(t, f, nil)
		got, err := kernelDigest(f)
		if err != nil || got != ours {
			t.Fatalf("size %d: kernel says %x, %v, we %x", n, got, err, ours)
		}
		d := NewDigests(DigestOptions{Now: ahead})
		if stated := must(ask(t, d, f, false)); stated.DigestSource != SourceKernel || stated.Freshness != FreshKernel || [32]byte(stated.FSVerity) != ours {
			t.Fatalf("%+v", stated)
		}
		b, err := d.Blocks(t.Context(), f)
		if err != nil || b.Source != SourceKernel || b.Digest != ours {
			t.Fatalf("%+v, %v", b, err)
		}
		last := fsverity.Blocks(int64(n)) - 1
		for _, at := range []int64{0, last / 2, last} {
			if at < 0 || at > last {
				continue
			}
			block, path, err := b.At(t.Context(), at)
			if err == nil {
				err = fsverity.VerifyBlock(ours, int64(n), nil, at, block, path)
			}
			if err != nil || !bytes.Equal(block, data[at*4096:min(n, int(at+1)*4096)]) {
				t.Fatalf("size %d, block %d: %v", n, at, err)
			}
		}
		b.Close()
		if _, err := os.OpenFile(name, os.O_WRONLY, 0); !errors.Is(err, unix.EPERM) {
			t.Errorf("size %d: open for writing: %v", n, err)
		}
		os.Remove(name)
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
