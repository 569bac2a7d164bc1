package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const maxDepth = 32

// modelFile is one file found below a model's path.
type modelFile struct {
	path  string // in the manifest
	from  opener
	key   fileKey // as a stat said a moment ago, if known
	known bool
}

type opener interface {
	open(path string) (*os.File, error)
}

func (mf modelFile) open() (*os.File, error) { return mf.from.open(mf.path) }

// single is a model that is one file, by its name on this host.
type single string

func (s single) open(string) (*os.File, error) { return proc.OpenRegular(string(s)) }

// errLink says that a symbolic link does not lead to a file inside the model root.
var errLink = errors.New("link does not lead to a file inside the model root")

// listModel finds the files of a model: a single file, or the regular files of
// a directory tree, sorted by path. skip is told what cannot be part of a
// manifest and why. The returned function releases the root.
//
// Links are resolved inside the root only (os.Root), so a model cannot borrow
// files from elsewhere on the host unseen. A snapshot of a Hugging Face cache
// links to blobs beside it; there the root is the repository's own directory.
func listModel(ctx context.Context, name string, skip func(name string, err error)) ([]modelFile, func(), error) {
	return listTree(ctx, name, nil, time.Time{}, skip)
}

// listTree is listModel with what was kept of the model, if t is not nil: only
// directories whose times moved are listed again, and regular files have the key
// that a stat gives at now.
func listTree(ctx context.Context, name string, t *tree, now time.Time, skip func(name string, err error)) ([]modelFile, func(), error) {
	base := filepath.Base(filepath.Clean(name)) // a link's own name: in a Hugging Face cache it leads to a blob named by digest
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.IsDir() {
		if err := checkPath(base); err != nil {
			return nil, nil, err
		}
		return []modelFile{{path: base, from: single(name)}}, func() {}, nil
	}
	dir, start := modelRoot(name)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{ctx: ctx, root: root, start: start, skip: skip, now: now, look: t != nil, locals: map[uint64]bool{}}
	if t == nil {
		t = new(tree)
	}
	w.files = make([]modelFile, 0, t.files)
	if err := w.whole(t); err != nil {
		root.Close()
		return nil, nil, err
	}
	return w.files, func() { root.Close() }, nil
}

// modelRoot splits …/models--ORG--NAME/snapshots/COMMIT into the repository and the rest.
func modelRoot(dir string) (root, start string) {
	up := filepath.Dir(dir)
	repo := filepath.Dir(up)
	if filepath.Base(up) == "snapshots" && strings.HasPrefix(filepath.Base(repo), "models--") {
		return repo, "snapshots/" + filepath.Base(dir)
	}
	return dir, "."
}

type walk struct {
	ctx    context.Context
	root   *os.Root
	start  string
	skip   func(name string, err error)
	now    time.Time
	look   bool // stat regular files
	files  []modelFile
	names  int             // in all directories
	locals map[uint64]bool // by device
}

// bookkeeping names what download tools leave at a model's root. It holds
// times and differs between hosts with equal models; no engine loads it.
func bookkeeping(rel string) bool { return rel == ".git" || rel == ".cache/huggingface" }

// whole finds all files, sorted by path.
func (w *walk) whole(t *tree) error {
	d, err := w.root.Open(w.start)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := w.dir(int(d.Fd()), "", &t.top, 0); err != nil {
		return err
	}
	t.files = len(w.files)
	return nil
}

// dir finds the files below an open directory.
func (w *walk) dir(fd int, rel string, f *folder, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	key, err := folderKeyOf(fd) // before it is listed: what happens meanwhile moves its times away from these
	if err != nil {
		return err
	}
	if !f.settled || f.key != key {
		if err := w.list(fd, rel, f, key, depth); err != nil {
			return err
		}
	}
	if w.names += len(f.items); w.names > maxListed {
		return fmt.Errorf("%w of %d names", proc.ErrOversize, maxListed)
	}
	for i := range f.items {
		if len(w.files) >= attest.MaxModelFiles {
			return fmt.Errorf("%w of %d files", proc.ErrOversize, attest.MaxModelFiles)
		}
		if err := w.item(fd, &f.items[i], depth); err != nil {
			w.skip(f.items[i].path, err)
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) item(fd int, it *item, depth int) error {
	mf := modelFile{path: it.path, from: w}
	var err error
	switch {
	case it.err != nil:
		return it.err
	case it.sub != nil:
		sub, err := openFolder(fd, it.name)
		if err != nil {
			return err
		}
		defer unix.Close(sub)
		return w.dir(sub, it.path, it.sub, depth+1)
	case it.link:
		err = w.link(it.path) // wherever it leads today
	case w.look:
		mf.key, mf.known, err = statKey(fd, it.name, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return err
	}
	w.files = append(w.files, mf)
	return nil
}

// link accepts a link that leads to a regular file inside the root.
func (w *walk) link(name string) error {
	info, err := w.root.Stat(path.Join(w.start, name))
	if err != nil {
		return fmt.Errorf("%w: %w", errLink, err)
	}
	if !info.Mode().IsRegular() {
		return errLink // following directories would count files twice, or never end
	}
	return nil
}

// local is asked once for each device of a walk.
func (w *walk) local(fd int, dev uint64) bool {
	is, ok := w.locals[dev]
	if !ok {
		is = local(fd)
		w.locals[dev] = is
	}
	return is
}

// open opens a file without blocking on a FIFO that took its place meanwhile.
func (w *walk) open(name string) (*os.File, error) {
	f, err := w.root.OpenFile(path.Join(w.start, name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, proc.ErrNotRegular)
	}
	return f, nil
}
