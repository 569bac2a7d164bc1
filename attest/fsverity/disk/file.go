package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	alignment = 4096 // of address, offset and length: what every disk takes

	// DirectWorkers is how many reads keep a disk busy while others are hashed.
	DirectWorkers = 8
)

// Counts says where bytes came from.
type Counts struct {
	Cached   int64 // the page cache, where they lay already
	Direct   int64 // the disk, past the page cache
	Buffered int64 // through the page cache, direct reads being refused: from either
}

// File reads an open file. Safe for use by several goroutines; each read of
// theirs is one in flight.
type File struct {
	file   *os.File
	direct *os.File // the same inode, opened past the page cache; nil where refused
	cache  residency

	once sync.Once // sets calm
	calm *os.File  // the same inode, through the page cache without reading ahead

	noDirect, noTry           atomic.Bool // found out by trying
	cached, straight, through atomic.Int64
}

// Open prepares f for reading. It keeps f, which stays the caller's to close
// after the File.
func Open(f *os.File) *File {
	return &File{file: f, direct: again(f, unix.O_DIRECT), cache: residency{file: f}}
}

// again opens the inode of f once more, through the kernel's own link to it, which
// leads there whatever has become of the name. It returns nil where that, or
// direct reading, is refused.
func again(f *os.File, flags int) *os.File {
	name := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	fd, err := unix.Open(name, flags|unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	runtime.KeepAlive(f)
	if err != nil {
		return nil
	}
	var a, b unix.Stat_t
	if unix.Fstat(int(f.Fd()), &a) != nil || unix.Fstat(fd, &b) != nil || a.Dev != b.Dev || a.Ino != b.Ino {
		unix.Close(fd)
		return nil
	}
	return os.NewFile(uintptr(fd), f.Name())
}

// open returns the file for reads that bring in what they ask for and no more.
// Reading ahead would fill the cache with pages that then look like somebody else's.
func (d *File) open() *os.File {
	d.once.Do(func() {
		if d.calm = again(d.file, 0); d.calm != nil {
			_ = unix.Fadvise(int(d.calm.Fd()), 0, 0, unix.FADV_RANDOM)
		}
	})
	if d.calm == nil {
		return d.file
	}
	return d.calm
}

// Close gives back what was opened beside the file handed to Open. No read may
// be under way.
func (d *File) Close() error {
	var err error
	for _, f := range []*os.File{d.direct, d.calm} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

// Counts returns where the bytes read so far came from.
func (d *File) Counts() Counts {
	return Counts{d.cached.Load(), d.straight.Load(), d.through.Load()}
}

// ReadAt reads like io.ReaderAt. Direct reads need a buffer, a length and an
// offset that are multiples of 4096; other reads go through the page cache.
func (d *File) ReadAt(p []byte, off int64) (n int, err error) {
	if n, err = d.fromCache(p, off); n == len(p) || err != nil {
		return n, err
	}
	m, err := d.fromDisk(p[n:], off+int64(n))
	return n + m, err
}

// fromCache reads what the page cache holds from off on, without waiting for a
// disk, if it holds all of p. Less than p is no error.
//
// It asks first: a read with RWF_NOWAIT that finds nothing starts to read ahead,
// into the very cache that is to be left alone (observed on Linux 6.18).
func (d *File) fromCache(p []byte, off int64) (n int, err error) {
	if d.noTry.Load() || !d.cache.holds(off, len(p)) {
		return 0, nil
	}
	for n < len(p) {
		m, err := unix.Preadv2(int(d.file.Fd()), [][]byte{p[n:]}, off+int64(n), unix.RWF_NOWAIT)
		runtime.KeepAlive(d.file)
		switch {
		case err == nil && m == 0:
			return n, io.EOF
		case err == nil:
			n += m
			d.cached.Add(int64(m))
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return n, nil
		default: // EOPNOTSUPP, ENOSYS: an old kernel, or a file system without it
			d.noTry.Store(true)
			return n, nil
		}
	}
	return n, nil
}

// fromDisk reads the rest: past the cache if that is possible, else through it.
func (d *File) fromDisk(p []byte, off int64) (n int, err error) {
	for d.direct != nil && !d.noDirect.Load() && n < len(p) && suits(p[n:], off+int64(n)) {
		m, err := unix.Pread(int(d.direct.Fd()), p[n:], off+int64(n))
		runtime.KeepAlive(d.direct)
		switch {
		case err == nil && m == 0:
			return n, io.EOF
		case err == nil:
			n += m
			d.straight.Add(int64(m))
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP):
			d.noDirect.Store(true)
		default:
			return n, &os.PathError{Op: "read", Path: d.file.Name(), Err: err}
		}
	}
	m, err := d.buffered(p[n:], off+int64(n))
	return n + m, err
}

// buffered reads through the page cache and drops what was not there before.
// Mapped and dirty pages stay in any case, so no other program loses what it
// works with.
func (d *File) buffered(p []byte, off int64) (int, error) {
	keep := d.cache.holds(off, len(p))
	n, err := d.open().ReadAt(p, off)
	d.through.Add(int64(n))
	if n > 0 && !keep {
		_ = unix.Fadvise(int(d.file.Fd()), off, int64(n), unix.FADV_DONTNEED)
		runtime.KeepAlive(d.file)
	}
	return n, err
}

func suits(p []byte, off int64) bool {
	return off%alignment == 0 && len(p)%alignment == 0 && uintptr(unsafe.Pointer(unsafe.SliceData(p)))%alignment == 0
}

// Workers is how many goroutines should read the file: one a processor where the
// data comes from memory, more where they wait for a disk.
func (d *File) Workers() int {
	if d.cache.mostly() {
		return min(runtime.GOMAXPROCS(0), DirectWorkers)
	}
	return DirectWorkers
}
