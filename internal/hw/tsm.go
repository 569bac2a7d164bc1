package hw

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-configfs-tsm/configfs/configfsi"
	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest/tdx"
)

// OpenTDX is a device over the kernel's report tree, at best /sys/kernel/config/tsm/report, and the kernel's own files. Nothing is
// opened yet: a machine outside a trust domain has a device too, whose Detect says why there are no quotes.
func OpenTDX(report string) (*tdx.Device, error) {
	if !filepath.IsAbs(report) {
		return nil, fmt.Errorf("tdx report tree %q: want an absolute path such as %s", report, tsmReport)
	}
	return tdx.New(tdx.Options{Client: tsmTree{filepath.Clean(report)}, Files: Files{}})
}

const tsmReport = configfsi.TsmPrefix + "/report"

// tsmTree is configfs through system calls, with the report tree where the operator says it is. It does what go-configfs-tsm's
// linuxtsm does, save that linuxtsm is to be had inside a TD only, knows one place and reads without bound.
type tsmTree struct{ report string }

func (t tsmTree) path(name string) (string, error) {
	rest, ok := strings.CutPrefix(name, tsmReport)
	if !ok || rest != "" && rest[0] != '/' || strings.Contains(rest, "..") {
		return "", fmt.Errorf("%s: not in the report tree", name)
	}
	return t.report + rest, nil
}

// name is path back again.
func (t tsmTree) name(path string) string { return tsmReport + strings.TrimPrefix(path, t.report) }

// MkdirTemp makes an entry; its attributes come with it.
func (t tsmTree) MkdirTemp(dir, pattern string) (string, error) {
	path, err := t.path(dir)
	if err != nil {
		return "", err
	}
	entry := filepath.Join(path, configfsi.TempName(rand.Reader, pattern))
	if err := os.Mkdir(entry, 0o700); err != nil {
		return "", err
	}
	return t.name(entry), nil
}

// ReadFile reads an attribute.
func (t tsmTree) ReadFile(name string) ([]byte, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	return Files{}.Read(path, tdx.MaxBlob+1)
}

// WriteFile writes an attribute that is there.
func (t tsmTree) WriteFile(name string, data []byte) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	return Files{}.Write(path, data)
}

// ReadDir lists a directory.
func (t tsmTree) ReadDir(name string) ([]os.DirEntry, error) {
	path, err := t.path(name)
	if err != nil {
		return nil, err
	}
	return os.ReadDir(path)
}

// RemoveAll removes an entry: rmdir, which takes its attributes along.
func (t tsmTree) RemoveAll(name string) error {
	path, err := t.path(name)
	if err != nil {
		return err
	}
	if err := unix.Rmdir(path); err != nil {
		return &os.PathError{Op: "rmdir", Path: path, Err: err}
	}
	return nil
}

// Files are the kernel's files by their own names: tdx.Files.
type Files struct{}

// Read returns at most limit bytes from the beginning of a file.
func (Files) Read(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

// Write writes at offset 0 to a file that is there, by one system call: an attribute that extends takes the whole value or none.
func (Files) Write(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	n, err := unix.Write(int(f.Fd()), data)
	closed := f.Close() // configfs hands a binary attribute to the driver when it is closed
	switch {
	case err != nil:
		return &os.PathError{Op: "write", Path: name, Err: err}
	case n != len(data):
		return &os.PathError{Op: "write", Path: name, Err: io.ErrShortWrite}
	}
	return closed
}

// Access asks the kernel whether this process may read or write a file.
func (Files) Access(name string, write bool) error {
	mode := uint32(unix.R_OK)
	if write {
		mode |= unix.W_OK
	}
	if err := unix.Faccessat(unix.AT_FDCWD, name, mode, unix.AT_EACCESS); err != nil {
		return &os.PathError{Op: "access", Path: name, Err: err}
	}
	return nil
}
