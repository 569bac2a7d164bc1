package tdx

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/google/go-configfs-tsm/configfs/configfsi"
)

// TSM is the kernel's report tree (Documentation/ABI/testing/configfs-tsm-report) over a TD, as a configfsi.Client rooted in a
// directory: outblob is the quote over what was written to inblob, generation counts the writes. Only what the
// kernel computes is computed here; entries are directories that a test can look at.
//
// It lives in one process: a plain directory cannot answer by itself, and a FUSE file system would be a test dependency on
// a device. So programs take it by hand, through the interface through which they take the kernel.
type TSM struct {
	root string // stands for /
	td   *TD

	mu       sync.Mutex
	provider string
	fail     map[string][]error
	hang     chan struct{}
	meddle   int
	made     int
	blob     func(reportData [64]byte) []byte
}

// The operations that Fail makes fail: attributes, and those of a directory.
const (
	OpMkdir      = "mkdir"
	OpRmdir      = "rmdir"
	OpInBlob     = "inblob"
	OpOutBlob    = "outblob"
	OpProvider   = "provider"
	OpGeneration = "generation"
)

var _ configfsi.Client = (*TSM)(nil)

// Fail makes the next n operations of a sort fail, the ones behind those already queued.
func (t *TSM) Fail(op string, err error, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for range n {
		t.fail[op] = append(t.fail[op], err)
	}
}

// Hang lets reads of outblob hang in the driver until release is called, which may be done more than once.
func (t *TSM) Hang() (release func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := make(chan struct{})
	t.hang = c
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.hang = nil
		close(c)
	})
}

// Meddle lets somebody else write to the entry before each of the next n reads of outblob, which the generation shows.
func (t *TSM) Meddle(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meddle = n
}

// Answer replaces what the driver answers; nil is the TD's quote.
func (t *TSM) Answer(blob func(reportData [64]byte) []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.blob = blob
}

// SetProvider sets what new entries name as provider, "tdx_guest" at first. With "" no driver has
// registered, and none can be made.
func (t *TSM) SetProvider(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.provider = name
}

// Entries are the names of the entries that are there: after a quote there is to be none.
func (t *TSM) Entries() []string {
	list, _ := os.ReadDir(t.real(configfsi.TsmPrefix + "/report"))
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// Made counts the entries that were ever made.
func (t *TSM) Made() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.made
}

func (t *TSM) real(name string) string { return filepath.Join(t.root, name) }

// failing takes the next fault of an operation.
func (t *TSM) failing(op, name string) error {
	queue := t.fail[op]
	if len(queue) == 0 {
		return nil
	}
	t.fail[op] = queue[1:]
	return &os.PathError{Op: op, Path: name, Err: queue[0]}
}

// MkdirTemp makes an entry.
func (t *TSM) MkdirTemp(dir, pattern string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(OpMkdir, dir); err != nil {
		return "", err
	}
	if t.provider == "" {
		return "", &os.PathError{Op: OpMkdir, Path: dir, Err: syscall.ENXIO} // tsm_report_make_item
	}
	name := dir + "/" + configfsi.TempName(rand.Reader, pattern)
	if err := os.Mkdir(t.real(name), 0o700); err != nil {
		return "", err
	}
	t.made++
	for attr, content := range map[string]string{"generation": "0\n", "provider": t.provider + "\n", "inblob": ""} {
		if err := os.WriteFile(t.real(name+"/"+attr), []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return name, nil
}

// ReadFile reads an attribute of an entry.
func (t *TSM) ReadFile(name string) ([]byte, error) {
	dir, attr := filepath.Split(name)
	t.mu.Lock()
	hang := t.hang
	t.mu.Unlock()
	if attr == OpOutBlob && hang != nil {
		<-hang
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(attr, name); err != nil {
		return nil, err
	}
	if attr == OpOutBlob {
		return t.outblob(dir)
	}
	return os.ReadFile(t.real(name))
}

func (t *TSM) outblob(dir string) ([]byte, error) {
	in, err := os.ReadFile(t.real(dir + "inblob"))
	if err != nil {
		return nil, err
	}
	if t.meddle > 0 {
		t.meddle--
		if err := t.count(dir); err != nil {
			return nil, err
		}
	}
	if len(in) != 64 { // tdx_report_new
		return nil, &os.PathError{Op: "read", Path: dir + "outblob", Err: syscall.EINVAL}
	}
	if t.blob != nil {
		return t.blob([64]byte(in)), nil
	}
	return t.td.Quote([64]byte(in)), nil
}

// WriteFile writes an attribute of an entry.
func (t *TSM) WriteFile(name string, b []byte) error {
	dir, attr := filepath.Split(name)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(attr, name); err != nil {
		return err
	}
	if attr != OpInBlob || len(b) == 0 || len(b) > 64 { // privlevel and the like are refused: not TDX's
		return &os.PathError{Op: "write", Path: name, Err: syscall.EINVAL}
	}
	if _, err := os.Stat(t.real(dir)); err != nil {
		return err
	}
	if err := os.WriteFile(t.real(name), b, 0o600); err != nil {
		return err
	}
	return t.count(dir)
}

// count counts a write.
func (t *TSM) count(dir string) error {
	b, err := os.ReadFile(t.real(dir + "generation"))
	if err != nil {
		return err
	}
	n, err := configfsi.Kstrtouint(b, 10, 64)
	if err != nil {
		return err
	}
	return os.WriteFile(t.real(dir+"generation"), fmt.Appendf(nil, "%d\n", n+1), 0o600)
}

// ReadDir lists a directory.
func (t *TSM) ReadDir(name string) ([]os.DirEntry, error) { return os.ReadDir(t.real(name)) }

// RemoveAll removes an entry, as rmdir does in configfs.
func (t *TSM) RemoveAll(name string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(OpRmdir, name); err != nil {
		return err
	}
	if p, err := configfsi.ParseTsmPath(name); err != nil || p.Entry == "" || p.Attribute != "" || strings.Contains(name, "..") {
		return errors.Join(err, &os.PathError{Op: OpRmdir, Path: name, Err: syscall.EPERM})
	}
	if _, err := os.Stat(t.real(name)); err != nil {
		return err
	}
	return os.RemoveAll(t.real(name))
}
