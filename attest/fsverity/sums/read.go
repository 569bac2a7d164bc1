package sums

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Suffix ends the name of every file of sums, so that Prune finds them.
const Suffix = ".sums"

// ErrIncomplete says that not all sums of the subject are stored.
var ErrIncomplete = errors.New("sums are not complete")

// Read opens the complete sums of a subject and changes nothing. Begun is not
// compared. Without a file, or with one of another subject or of half a pass, the
// error is ErrIncomplete.
func Read(name string, s Subject) (*File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("sums: %w: none stored", ErrIncomplete)
	} else if err != nil {
		return nil, fmt.Errorf("sums: %w", err)
	}
	d := &File{file: f, subject: s, total: total(s.Size)}
	var same bool
	if same, err = d.same(); err == nil && same {
		err = d.count()
	}
	if err == nil && !(same && d.Complete()) {
		err = ErrIncomplete
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("sums: %w", err)
	}
	return d, nil
}

// Used notes that the sums are still wanted, for Prune.
func (d *File) Used(now time.Time) { _ = os.Chtimes(d.file.Name(), now, now) }

// Prune removes the files of sums in a folder that were not used since: the files
// they were of are gone, or have changed their inode. It goes on after an error
// and returns the first.
func Prune(dir string, since time.Time) (first error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sums: %w", err)
	}
	for _, e := range list {
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) != Suffix {
			continue
		}
		info, err := e.Info()
		if err == nil && info.ModTime().Before(since) {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) && first == nil {
			first = fmt.Errorf("sums: %w", err)
		}
	}
	return first
}
