package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// minBin is the size from which a .bin file counts as weights; smaller ones are
// usually tables of the engine itself.
const minBin = 1 << 20

var weightSuffixes = []string{".safetensors", ".gguf", ".pt", ".pth", ".engine", ".onnx"}

// inode names an open file within one Collect.
type inode struct{ dev, ino uint64 }

func inodeOf(f *os.File) (inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return inode{}, err
	}
	return inode{uint64(st.Dev), st.Ino}, nil
}

// mapsOf returns a process's mappings as of the first time they were asked for
// in this Collect.
func (w *collecting) mapsOf(pid int) ([]proc.Mapping, error) {
	m, ok := w.maps[pid]
	if !ok {
		m.list, m.err = w.fs.Maps(pid)
		w.maps[pid] = m
	}
	return m.list, m.err
}

// exeMapped reports whether the open executable is what the process has mapped
// executable under its name: both are opened and compared as inodes, for maps
// and stat name devices differently on some file systems.
func (w *collecting) exeMapped(pid int, name string, exe *os.File) (bool, error) {
	maps, err := w.mapsOf(pid)
	if err != nil {
		return false, err
	}
	want, err := inodeOf(exe)
	if err != nil {
		return false, err
	}
	var last error
	for _, m := range maps {
		if !m.Executable() || m.Path != name {
			continue
		}
		f, _, err := w.fs.OpenMapping(pid, m)
		if err != nil {
			last = err
			continue
		}
		got, err := inodeOf(f)
		f.Close()
		if err == nil && got == want {
			return true, nil
		}
	}
	return false, last
}

// gathering collects the files of a process tree, each inode once.
type gathering struct {
	*collecting
	what      string
	models    []string // configured model paths, links resolved
	libraries map[inode]Library
	weights   map[inode]Weight
	mapped    map[proc.Mapping]bool // opened already, by device, inode and name
	late      backlog
}

// backlog sums up what is still being hashed, so that a hundred shards make one absence.
type backlog struct {
	files       int
	done, total int64
}

func (b *backlog) add(err error, size uint64) bool {
	var later *NotYetError
	if !errors.As(err, &later) && !errors.Is(err, ErrBusy) {
		return false
	}
	b.files++
	b.total += int64(size)
	if later != nil {
		b.done += later.Done
	}
	return true
}

func (b *backlog) state(absent *proc.Absences, what string) {
	if b.files > 0 {
		absent.Add(what, attest.NotYet, "%d files being hashed, %d of %d bytes done", b.files, b.done, b.total)
	}
}

// files states the libraries and weights of all processes of a tree.
func (w *collecting) files(what string, pids []int, models []string, e *Engine) {
	g := &gathering{collecting: w, what: what, libraries: map[inode]Library{}, weights: map[inode]Weight{}, mapped: map[proc.Mapping]bool{}}
	for _, m := range models {
		if r, err := filepath.EvalSymlinks(m); err == nil {
			m = r
		}
		root, _ := modelRoot(m)
		g.models = append(g.models, root)
	}
	for _, pid := range pids {
		if err := w.ctx.Err(); err != nil {
			w.err(what+".libraries", err)
			w.err(what+".weights", err)
			break
		}
		g.mappings(pid)
		g.descriptors(pid)
	}
	e.Libraries = sortedFiles(g.libraries, func(a, b Library) int { return compareFile(a.Path, a.FileDigest, b.Path, b.FileDigest) })
	e.Weights = sortedFiles(g.weights, func(a, b Weight) int { return compareFile(a.Path, a.FileDigest, b.Path, b.FileDigest) })
	g.late.state(w.absent, what+".files")
	if len(e.Weights) == 0 {
		w.absent.Add(what+".weights", attest.NotPresent, "no model file open or mapped now; engines that copy weights to a device close them after loading")
	}
}

func sortedFiles[T any](m map[inode]T, compare func(a, b T) int) []T {
	out := make([]T, 0, len(m))
	for _, v := range m {
		out = append(out, v)
	}
	slices.SortFunc(out, compare)
	return out
}

// isWeight reports whether a file counts as weights by its place or name.
func (g *gathering) isWeight(path string, size int64) bool {
	for _, m := range g.models {
		if path == m || strings.HasPrefix(path, strings.TrimSuffix(m, "/")+"/") {
			return true
		}
	}
	ext := strings.ToLower(filepath.Ext(path))
	return slices.Contains(weightSuffixes, ext) || ext == ".bin" && size >= minBin || ollamaBlob(path) && size >= minBin
}

// ollamaBlob recognises Ollama's store, where weights have no suffix.
func ollamaBlob(path string) bool {
	return strings.HasPrefix(filepath.Base(path), "sha256-") && filepath.Base(filepath.Dir(path)) == "blobs"
}

// maybeWeight is isWeight before the size is known.
func (g *gathering) maybeWeight(path string) bool { return g.isWeight(path, minBin) }

func (g *gathering) mappings(pid int) {
	maps, err := g.mapsOf(pid)
	if err != nil {
		g.err(fmt.Sprintf("%s.libraries[pid %d]", g.what, pid), err)
		return
	}
	for _, m := range maps {
		key := proc.Mapping{Dev: m.Dev, Inode: m.Inode, Path: m.Path, Deleted: m.Deleted, Perms: m.Perms[2:3]}
		if (!m.Executable() && !g.maybeWeight(m.Path)) || g.mapped[key] {
			continue
		}
		g.mapped[key] = true
		g.mapping(pid, m)
		if g.ctx.Err() != nil {
			return
		}
	}
}

func (g *gathering) mapping(pid int, m proc.Mapping) {
	list := "libraries"
	if !m.Executable() {
		list = "weights"
	}
	f, exact, err := g.fs.OpenMapping(pid, m)
	if err != nil {
		if !errors.Is(err, proc.ErrNotRegular) { // a device, such as /dev/nvidia0, is no library
			g.err(fmt.Sprintf("%s.%s[%s]", g.what, list, m.Path), err)
		}
		return
	}
	defer f.Close()
	id, err := inodeOf(f)
	if err != nil {
		return
	}
	switch _, known := g.libraries[id]; {
	case !m.Executable():
		g.weight(id, f, m.Path, m.Deleted, HeldMapped)
	case known:
	case len(g.libraries) >= MaxLibraries:
		g.err(g.what+".libraries", fmt.Errorf("%w of %d files: %s", proc.ErrOversize, MaxLibraries, m.Path))
	default:
		g.libraries[id] = Library{attest.Clean(m.Path), m.Deleted, exact, g.digest(f, m.Path, true)}
	}
}

func (g *gathering) descriptors(pid int) {
	fds, err := g.fs.FDs(pid)
	if err != nil {
		g.err(fmt.Sprintf("%s.weights[pid %d]", g.what, pid), err)
		return
	}
	for _, d := range fds {
		path, deleted := strings.CutSuffix(d.Target, " (deleted)")
		if !strings.HasPrefix(path, "/") || !g.maybeWeight(path) || g.ctx.Err() != nil {
			continue
		}
		f, err := g.fs.OpenFD(pid, d.Num)
		if errors.Is(err, proc.ErrNotRegular) {
			continue
		}
		if err != nil {
			g.err(fmt.Sprintf("%s.weights[%s]", g.what, path), err)
			continue
		}
		if id, err := inodeOf(f); err == nil {
			g.weight(id, f, path, deleted, HeldOpen)
		}
		f.Close()
	}
}

func (g *gathering) weight(id inode, f *os.File, path string, deleted bool, source string) {
	if w, ok := g.weights[id]; ok {
		if w.Source != source {
			w.Source = HeldBoth
			g.weights[id] = w
		}
		return
	}
	info, err := f.Stat()
	if err != nil || !g.isWeight(path, info.Size()) {
		return
	}
	if len(g.weights) >= MaxWeights {
		g.err(g.what+".weights", fmt.Errorf("%w of %d files: %s", proc.ErrOversize, MaxWeights, path))
		return
	}
	g.weights[id] = Weight{attest.Clean(path), source, deleted, g.digest(f, path, false)}
}

// digest returns the file's identity; one that is still being hashed has its
// size only, and counts for the backlog.
func (g *gathering) digest(f *os.File, path string, plain bool) FileDigest {
	d, err := g.digests.file(g.ctx, f, plain, &g.budget)
	if err != nil && !g.late.add(err, d.SizeBytes) {
		g.err(fmt.Sprintf("%s.files[%s]", g.what, path), err)
	}
	return d
}

// freshness holds the words from the weakest on.
var freshness = []string{FreshHashed, FreshStat, FreshWatched, FreshKernel}

// weaker returns the weaker of two freshness words.
func weaker(a, b string) string {
	if a == "" || slices.Index(freshness, b) < slices.Index(freshness, a) {
		return b
	}
	return a
}
