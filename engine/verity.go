package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errNoVerity says that the kernel keeps no fs-verity digest for the file that
// could stand for ours.
var errNoVerity = errors.New("no fs-verity digest kept by the kernel")

const (
	readVerityMetadata = 0xc0286687 // FS_IOC_READ_VERITY_METADATA, linux 5.12
	descriptorSize     = 256        // struct fsverity_descriptor without signature
)

// kernelDigest asks the kernel for the digest it enforces on every read of the
// file (FS_IOC_MEASURE_VERITY). The file may have been enabled with a salt or
// another block size, which makes its digest another kind of name: the
// descriptor is read too, and only our own parameters are accepted.
func kernelDigest(f *os.File) (digest [32]byte, err error) {
	var arg struct {
		alg, size uint16
		digest    [64]byte
	}
	arg.size = uint16(len(arg.digest))
	if _, err := ioctl(f, unix.FS_IOC_MEASURE_VERITY, unsafe.Pointer(&arg)); err != nil {
		return digest, fmt.Errorf("%w: %w", errNoVerity, err)
	}
	if arg.alg != unix.FS_VERITY_HASH_ALG_SHA256 || arg.size != 32 {
		return digest, fmt.Errorf("%w: algorithm %d", errNoVerity, arg.alg)
	}
	var desc [descriptorSize]byte
	if _, err := metadata(f, unix.FS_VERITY_METADATA_TYPE_DESCRIPTOR, desc[:], 0); err != nil {
		return digest, fmt.Errorf("%w: descriptor: %w", errNoVerity, err)
	}
	copy(digest[:], arg.digest[:])
	info, err := f.Stat()
	if err != nil {
		return digest, err
	}
	return digest, checkDescriptor(desc[:], digest, info.Size())
}

// checkDescriptor accepts the descriptor of an unsalted SHA-256 tree of
// 4096-byte blocks whose hash is the digest (fsverity.rst, "fs-verity descriptor").
// The kernel returns the signature size in a field that the digest has as zero.
func checkDescriptor(desc []byte, digest [32]byte, size int64) error {
	d := [descriptorSize]byte(desc)
	clear(d[4:8])
	if d[0] != 1 || d[1] != 1 || d[2] != 12 || d[3] != 0 || binary.LittleEndian.Uint64(d[8:]) != uint64(size) || sha256.Sum256(d[:]) != digest {
		return fmt.Errorf("%w: other parameters than SHA-256, 4096-byte blocks, no salt", errNoVerity)
	}
	return nil
}

// metadata reads a part of what the kernel keeps of a file (struct
// fsverity_read_metadata_arg) and returns its length: 0 at the end.
func metadata(f *os.File, kind uint64, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	arg := struct {
		kind, offset, length uint64
		buf                  unsafe.Pointer // __u64 in the kernel's struct; a pointer here, so that the runtime follows it
		reserved             uint64
	}{kind: kind, offset: uint64(off), length: uint64(len(p)), buf: unsafe.Pointer(unsafe.SliceData(p))}
	return ioctl(f, readVerityMetadata, unsafe.Pointer(&arg))
}

// kernelTree is the Merkle tree that the kernel keeps of a file, levels from the
// root down (fsverity.rst, "FS_IOC_READ_VERITY_METADATA").
type kernelTree struct{ file *os.File }

func (k kernelTree) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := metadata(k.file, unix.FS_VERITY_METADATA_TYPE_MERKLE_TREE, p[n:], off+int64(n))
		if err != nil {
			return n, fmt.Errorf("fs-verity metadata: %w", err)
		}
		if m <= 0 {
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

func ioctl(f *os.File, req uintptr, arg unsafe.Pointer) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), req, uintptr(arg))
	runtime.KeepAlive(f)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
