package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/hallmark-attest/hallmark/attest"
)

// Limits on what is read from one file or directory. A process can make some of
// these as long as it likes.
const (
	MaxStat     = 4 << 10
	MaxMaps     = 8 << 20 // an engine with CUDA maps a few thousand ranges of about 150 bytes
	MaxMappings = 65536
	MaxNet      = 16 << 20
	MaxSockets  = 65536
	MaxCmdline  = 256 << 10
	MaxArgs     = 4096
	MaxEnviron  = 256 << 10
	MaxCgroup   = 64 << 10
	MaxFDs      = 65536
	MaxPIDs     = 131072
)

// ErrOversize says that a file or list went over its limit.
var ErrOversize = errors.New("over the limit")

// ErrSyntax says that a file could be read and is not what the kernel prints.
var ErrSyntax = errors.New("unexpected format")

// FS is a mounted proc file system.
type FS struct {
	Root string // a directory: "/proc", or a tree made by a test
}

// Path returns the name of a process's file below the root.
func (f FS) Path(pid int, elem ...string) string {
	return filepath.Join(append([]string{f.Root, strconv.Itoa(pid)}, elem...)...)
}

// PIDs lists the processes, sorted.
func (f FS) PIDs() ([]int, error) {
	names, err := readNames(f.Root, MaxPIDs)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

func readNames(dir string, limit int) ([]string, error) {
	d, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return readDir(d, limit)
}

func readDir(d *os.File, limit int) ([]string, error) {
	names, err := d.Readdirnames(limit + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > limit {
		return nil, fmt.Errorf("%s: %w of %d entries", d.Name(), ErrOversize, limit)
	}
	return names, nil
}

// Reason translates an error of this package, or of reading a file, into the
// closed set of reasons for an absence.
func Reason(err error) attest.Reason {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		return attest.NotPresent
	case errors.Is(err, fs.ErrPermission):
		return attest.NotPermitted
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return attest.Timeout
	case errors.Is(err, ErrOversize):
		return attest.Oversize
	case errors.Is(err, ErrChanged):
		return attest.Changed
	}
	return attest.Failed
}
