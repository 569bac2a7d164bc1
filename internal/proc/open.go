package proc

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNotRegular says that a name leads to something other than a regular file.
var ErrNotRegular = errors.New("not a regular file")

// ErrChanged says that a name no longer leads to the file that was meant.
var ErrChanged = errors.New("another file than the one in use")

// OpenRegular opens a regular file for reading without any effect on what is
// not one: the name is resolved to an inode that is pinned but not opened
// (O_PATH), looked at, and only then opened. A FIFO would block and a device may
// act on being opened, and a process chooses what lies behind its own names.
func OpenRegular(name string) (*os.File, error) {
	p, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(p)
	var st unix.Stat_t
	if err := unix.Fstat(p, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%s: %w", name, ErrNotRegular)
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(p), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// OpenExe opens the executable a process runs, whatever has become of its name.
func (f FS) OpenExe(pid int) (*os.File, error) { return OpenRegular(f.Path(pid, "exe")) }

// OpenFD opens the regular file behind a process's descriptor.
func (f FS) OpenFD(pid, fd int) (*os.File, error) {
	return OpenRegular(f.Path(pid, "fd", strconv.Itoa(fd)))
}

// OpenMapping opens the file behind a mapping: the inode itself through
// map_files, which needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in the initial
// namespace; else by name inside the process's root, accepted only if device and
// inode are those of the mapping. exact says which of the two it was: the second
// shows only that a file of that number has that name now.
func (f FS) OpenMapping(pid int, m Mapping) (file *os.File, exact bool, err error) {
	file, err = OpenRegular(f.Path(pid, "map_files", m.Range()))
	if err == nil {
		return file, true, nil
	}
	if m.Deleted {
		return nil, false, fmt.Errorf("deleted file: %w", err)
	}
	file, err = OpenRegular(f.Path(pid, "root", m.Path))
	if err != nil {
		return nil, false, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(file.Fd()), &st); err == nil && (st.Dev != m.Dev || st.Ino != m.Inode) {
		err = fmt.Errorf("%s: %w", m.Path, ErrChanged)
	}
	if err != nil {
		file.Close()
		return nil, false, err
	}
	return file, false, nil
}
