package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// maxListed bounds the names that one model may have below it, those of
// directories and of what is no file included: listings are kept in memory.
const maxListed = 4 * attest.MaxModelFiles

// tree is what is kept of a model between collections, so that one whose files
// did not change costs a stat for each of them and nothing is opened but its directories.
type tree struct {
	top      folder
	files    int      // found last time
	manifest Manifest // the last complete one, and its digest
	digest   [32]byte
}

// identity is the manifest's digest, computed only where the manifest is another than last time.
func (t *tree) identity(m Manifest) ([32]byte, error) {
	if t == nil {
		return m.Digest()
	}
	if len(m) > 0 && slices.Equal(t.manifest, m) {
		return t.digest, nil
	}
	d, err := m.Digest()
	if err == nil {
		t.manifest, t.digest = m, d
	}
	return d, err
}

// folder is a directory as it was when it was listed. A name that is added,
// removed or exchanged moves the directory's times, and ctime cannot be set short
// of setting the clock: with equal times the listing still holds, unless the last
// change was so near to the listing that another one may have left them as they were.
type folder struct {
	key     folderKey
	settled bool
	items   []item // in the order of their paths in a manifest
}

type folderKey struct {
	inode
	mtime, ctime unix.Timespec
}

// item is one name in a directory.
type item struct {
	name string
	path string  // in the manifest
	sub  *folder // of a directory
	link bool
	err  error // why it can be no part of a manifest
}

// list reads a directory. Those below it that were listed before keep their own listings.
func (w *walk) list(fd int, rel string, f *folder, key folderKey, depth int) error {
	entries, err := readDir(fd)
	if err != nil {
		return err
	}
	before := map[string]*folder{}
	for _, it := range f.items {
		if it.sub != nil {
			before[it.name] = it.sub
		}
	}
	items := make([]item, 0, len(entries))
	for _, e := range entries {
		it := item{name: e.Name(), path: path.Join(rel, e.Name())}
		if bookkeeping(it.path) {
			continue
		}
		switch it.err = checkPath(it.path); {
		case it.err != nil:
		case e.IsDir() && depth >= maxDepth:
			it.err = fmt.Errorf("%w of %d levels", proc.ErrOversize, maxDepth)
		case e.IsDir():
			if it.sub = before[it.name]; it.sub == nil {
				it.sub = new(folder)
			}
		case e.Type()&os.ModeSymlink != 0:
			it.link = true
		case !e.Type().IsRegular():
			it.err = fmt.Errorf("%v: %w", e.Type(), proc.ErrNotRegular)
		}
		items = append(items, it)
	}
	slices.SortFunc(items, func(a, b item) int { return strings.Compare(a.order(), b.order()) })
	*f = folder{key, w.local(fd, key.dev) && w.now.Sub(time.Unix(key.ctime.Unix())) >= settle, items}
	return nil
}

// order makes the names of a directory sort as the paths of the files below them do.
func (it item) order() string {
	if it.sub != nil {
		return it.name + "/"
	}
	return it.name
}

// readDir lists an open directory, by a descriptor of its own since the place in
// the listing belongs to the descriptor. Where a file system does not say what a
// name is, os asks by the path, which here leads through the descriptor as well.
func readDir(fd int) ([]os.DirEntry, error) {
	own, err := openFolder(fd, ".")
	if err != nil {
		return nil, err
	}
	d := os.NewFile(uintptr(own), "/proc/self/fd/"+strconv.Itoa(own))
	defer d.Close()
	entries, err := d.ReadDir(maxListed + 1)
	switch {
	case errors.Is(err, io.EOF):
		err = nil
	case len(entries) > maxListed:
		err = fmt.Errorf("%w of %d names", proc.ErrOversize, maxListed)
	}
	return entries, err
}

// openFolder opens a directory inside another one, never through a link.
func openFolder(in int, name string) (int, error) {
	for {
		fd, err := unix.Openat(in, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
			err = fmt.Errorf("%w: no directory any more", proc.ErrChanged)
		case err != nil:
			err = &os.PathError{Op: "open", Path: name, Err: err}
		}
		return fd, err
	}
}

func folderKeyOf(fd int) (folderKey, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return folderKey{}, fmt.Errorf("stat: %w", err)
	}
	return folderKey{inode{uint64(st.Dev), st.Ino}, st.Mtim, st.Ctim}, nil
}

// statKey asks for a file's key by its name in an open directory; flags may be
// AT_SYMLINK_NOFOLLOW. known is false where only the open file can say more: the kernel keeps its digest, or has no
// statx. Remote file systems are made to ask their server, as opening does.
func statKey(fd int, name string, flags int) (key fileKey, known bool, err error) {
	var st unix.Statx_t
	err = unix.Statx(fd, name, flags|unix.AT_STATX_FORCE_SYNC|unix.AT_NO_AUTOMOUNT, unix.STATX_BASIC_STATS, &st)
	switch {
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EINTR):
		return fileKey{}, false, nil
	case err != nil:
		return fileKey{}, false, &os.PathError{Op: "stat", Path: name, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fileKey{}, false, fmt.Errorf("%s: %w", name, proc.ErrNotRegular)
	case st.Size > MaxFileBytes:
		return fileKey{}, false, fmt.Errorf("%w of %d bytes", proc.ErrOversize, int64(MaxFileBytes))
	}
	key = fileKey{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino, int64(st.Size), timespec(st.Mtime), timespec(st.Ctime)}
	return key, st.Attributes&unix.STATX_ATTR_VERITY == 0, nil
}

func timespec(t unix.StatxTimestamp) unix.Timespec {
	return unix.Timespec{Sec: t.Sec, Nsec: int64(t.Nsec)}
}
