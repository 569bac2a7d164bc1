package proc

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Most files of a process are shorter than a page.
const firstRead = 16 << 10

var buffers = sync.Pool{New: func() any { return new(make([]byte, firstRead)) }}

// ReadFile returns a small file's bytes, at most limit of them.
//
// It is not os.Open and io.ReadAll: these ask the kernel for five things more (two
// flags, twice, and whether the file can be polled), and what is read for each
// challenge is dozens of such files.
func ReadFile(name string, limit int) ([]byte, error) { return read(name, limit, false) }

// readWhole is ReadFile of a file that the kernel hands over as long as there is room for it (proc_single_show,
// cmdline, environ): it is not asked again whether there is more.
func readWhole(name string, limit int) ([]byte, error) { return read(name, limit, true) }

func read(name string, limit int, whole bool) ([]byte, error) {
	fd, err := open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	p := buffers.Get().(*[]byte)
	defer buffers.Put(p)
	buf := *p
	for n := 0; ; {
		got, err := unix.Read(fd, buf[n:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: name, Err: err}
		case n+got > limit:
			return nil, fmt.Errorf("%s: %w of %d bytes", name, ErrOversize, limit)
		case got <= 0, whole && n+got < len(buf):
			return bytes.Clone(buf[:n+got]), nil // else only at the end: the kernel hands over maps and net in pieces
		}
		if n += got; n == len(buf) {
			buf = append(buf, make([]byte, n)...) // the pool keeps the short one
		}
	}
}

// open opens a name without asking whether it can be polled. The caller closes.
func open(name string, flags int) (int, error) {
	for {
		fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR:
		default:
			return -1, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// openDir opens a directory to list it.
func openDir(name string) (*os.File, error) {
	fd, err := open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
