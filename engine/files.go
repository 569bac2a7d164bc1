package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// inodeOf returns it with the file's size.
func inodeOf(f *os.File) (inode, int64, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return inode{}, 0, err
	}
	return inode{uint64(st.Dev), st.Ino}, st.Size, nil
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

// exeMapped reports whether the executable is what the process has mapped
// executable under its name: both are looked at as inodes, for maps and stat name
// devices differently on some file systems.
func (w *collecting) exeMapped(pid int, name string, exe inode) (bool, error) {
	maps, err := w.mapsOf(pid)
	if err != nil {
		return false, err
	}
	var last error
	for _, m := range maps {
		if !m.Executable() || m.Path != name {
			continue
		}
		got, err := w.mappedInode(pid, m)
		if err != nil {
			last = err
		} else if got == exe {
			return true, nil
		}
	}
	return false, last
}

func (w *collecting) mappedInode(pid int, m proc.Mapping) (inode, error) {
	if key, _, err := statKey(unix.AT_FDCWD, w.fs.Path(pid, "map_files", m.Range()), 0); err == nil && key != (fileKey{}) {
		return key.inode(), nil
	}
	f, _, err := w.fs.OpenMapping(pid, m)
	if err != nil {
		return inode{}, err
	}
	defer f.Close()
	id, _, err := inodeOf(f)
	return id, err
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
	if key, d, ok := g.digests.known(g.fs.Path(pid, "map_files", m.Range()), m.Executable()); ok {
		g.state(m, key.inode(), true, key.size, func() FileDigest { return d })
		return
	}
	f, exact, err := g.fs.OpenMapping(pid, m)
	if err != nil {
		if !errors.Is(err, proc.ErrNotRegular) { // a device, such as /dev/nvidia0, is no library
			g.err(fmt.Sprintf("%s.%s[%s]", g.what, list, m.Path), err)
		}
		return
	}
	defer f.Close()
	id, size, err := inodeOf(f)
	if err != nil {
		return
	}
	g.state(m, id, exact, size, func() FileDigest { return g.digest(f, m.Path, m.Executable()) })
}

// state states a mapped file, as library or as weights; digest is called if it is stated for the first time.
func (g *gathering) state(m proc.Mapping, id inode, exact bool, size int64, digest func() FileDigest) {
	switch _, known := g.libraries[id]; {
	case !m.Executable():
		g.weight(id, size, m.Path, m.Deleted, HeldMapped, digest)
	case known:
	case len(g.libraries) >= MaxLibraries:
		g.err(g.what+".libraries", fmt.Errorf("%w of %d files: %s", proc.ErrOversize, MaxLibraries, m.Path))
	default:
		g.libraries[id] = Library{attest.Clean(m.Path), m.Deleted, exact, digest()}
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
		g.descriptor(pid, d.Num, path, deleted)
	}
}

func (g *gathering) descriptor(pid, num int, path string, deleted bool) {
	if key, d, ok := g.digests.known(g.fs.Path(pid, "fd", strconv.Itoa(num)), false); ok {
		g.weight(key.inode(), key.size, path, deleted, HeldOpen, func() FileDigest { return d })
		return
	}
	f, err := g.fs.OpenFD(pid, num)
	if errors.Is(err, proc.ErrNotRegular) {
		return
	}
	if err != nil {
		g.err(fmt.Sprintf("%s.weights[%s]", g.what, path), err)
		return
	}
	defer f.Close()
	if id, size, err := inodeOf(f); err == nil {
		g.weight(id, size, path, deleted, HeldOpen, func() FileDigest { return g.digest(f, path, false) })
	}
}

func (g *gathering) weight(id inode, size int64, path string, deleted bool, source string, digest func() FileDigest) {
	if w, ok := g.weights[id]; ok {
		if w.Source != source {
			w.Source = HeldBoth
			g.weights[id] = w
		}
		return
	}
	if !g.isWeight(path, size) {
		return
	}
	if len(g.weights) >= MaxWeights {
		g.err(g.what+".weights", fmt.Errorf("%w of %d files: %s", proc.ErrOversize, MaxWeights, path))
		return
	}
	g.weights[id] = Weight{attest.Clean(path), source, deleted, digest()}
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
