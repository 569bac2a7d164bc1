package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
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
	if err := ioctl(f, unix.FS_IOC_MEASURE_VERITY, unsafe.Pointer(&arg)); err != nil {
		return digest, fmt.Errorf("%w: %w", errNoVerity, err)
	}
	if arg.alg != unix.FS_VERITY_HASH_ALG_SHA256 || arg.size != 32 {
		return digest, fmt.Errorf("%w: algorithm %d", errNoVerity, arg.alg)
	}
	var desc [descriptorSize]byte
	meta := struct {
		kind, offset, length uint64
		buf                  unsafe.Pointer // __u64 in the kernel's struct; a pointer here, so that the runtime follows it
		reserved             uint64
	}{kind: unix.FS_VERITY_METADATA_TYPE_DESCRIPTOR, length: descriptorSize, buf: unsafe.Pointer(&desc)}
	err = ioctl(f, readVerityMetadata, unsafe.Pointer(&meta))
	if err != nil {
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

func ioctl(f *os.File, req uintptr, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), req, uintptr(arg))
	runtime.KeepAlive(f)
	if errno != 0 {
		return errno
	}
	return nil
}
