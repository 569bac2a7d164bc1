package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const maxDepth = 32

// modelFile is one file found below a model's path.
type modelFile struct {
	path string // in the manifest
	open func() (*os.File, error)
}

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
		return []modelFile{{base, func() (*os.File, error) { return proc.OpenRegular(name) }}}, func() {}, nil
	}
	dir, start := modelRoot(name)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{ctx: ctx, root: root, start: start, skip: skip}
	if err := w.dir("", 0); err != nil {
		root.Close()
		return nil, nil, err
	}
	slices.SortFunc(w.files, func(a, b modelFile) int { return strings.Compare(a.path, b.path) })
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
	ctx   context.Context
	root  *os.Root
	start string
	skip  func(name string, err error)
	files []modelFile
}

// bookkeeping names what download tools leave at a model's root. It holds
// times and differs between hosts with equal models; no engine loads it.
func bookkeeping(rel string) bool { return rel == ".git" || rel == ".cache/huggingface" }

func (w *walk) dir(rel string, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	d, err := w.root.Open(path.Join(w.start, rel))
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(attest.MaxModelFiles + 1)
	d.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		if bookkeeping(name) {
			continue
		}
		if len(w.files) >= attest.MaxModelFiles {
			return fmt.Errorf("%w of %d files", proc.ErrOversize, attest.MaxModelFiles)
		}
		if err := w.entry(name, e, depth); err != nil {
			w.skip(name, err)
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, e os.DirEntry, depth int) error {
	if err := checkPath(name); err != nil {
		return err
	}
	switch {
	case e.IsDir() && depth >= maxDepth:
		return fmt.Errorf("%w of %d levels", proc.ErrOversize, maxDepth)
	case e.IsDir():
		return w.dir(name, depth+1)
	case e.Type()&os.ModeSymlink != 0:
		info, err := w.root.Stat(path.Join(w.start, name))
		if err != nil {
			return fmt.Errorf("%w: %w", errLink, err)
		}
		if !info.Mode().IsRegular() {
			return errLink // following directories would count files twice, or never end
		}
	case !e.Type().IsRegular():
		return fmt.Errorf("%v: %w", e.Type(), proc.ErrNotRegular)
	}
	w.files = append(w.files, modelFile{name, func() (*os.File, error) { return w.open(name) }})
	return nil
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
