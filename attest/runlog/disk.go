package runlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// handle is what the log needs of an open file.
type handle interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// disk is the file of a log and how much of it are whole records.
type disk struct {
	handle
	size int64
	torn bool // an append failed and may have left bytes behind size
}

// readLog returns the bytes of a log; none where there is no file.
func readLog(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("runlog: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxLog+MaxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("runlog: %w", err)
	}
	return b[:min(len(b), MaxLog)], nil // a torn append may lie behind the limit: never a whole record
}

// createLog begins an empty log, and keeps the one that is there as the previous generation.
// Both are on disk when it returns, as far as the file system tells the truth.
func createLog(path string, keep bool) (disk, error) {
	if keep {
		if err := os.Rename(path, path+Previous); err != nil {
			return disk{}, fmt.Errorf("runlog: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return disk{}, fmt.Errorf("runlog: %w", err)
	}
	err = f.Sync()
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return disk{}, fmt.Errorf("runlog: %w", err)
	}
	return disk{handle: f}, nil
}

// openLog opens a log of size bytes of whole records and cuts off what is behind
// them. It is synced in any case: the process that wrote it may have died before its own fsync.
func openLog(path string, size int) (disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return disk{}, fmt.Errorf("runlog: %w", err)
	}
	d := disk{handle: f, size: int64(size)}
	if err := d.cut(); err != nil {
		f.Close()
		return disk{}, fmt.Errorf("runlog: %w", err)
	}
	return d, nil
}

func (d *disk) cut() error {
	if err := d.Truncate(d.size); err != nil {
		return err
	}
	return d.Sync()
}

// append writes behind the last record and returns when it is on disk, or leaves
// the log as it was. If even that fails, the next append cuts first.
func (d *disk) append(b []byte) error {
	if d.torn {
		if err := d.cut(); err != nil {
			return fmt.Errorf("cut a torn record off: %w", err)
		}
		d.torn = false
	}
	_, err := d.WriteAt(b, d.size)
	if err == nil {
		err = d.Sync()
	}
	if err != nil {
		d.torn = d.cut() != nil
		return fmt.Errorf("write a record: %w", err)
	}
	d.size += int64(len(b))
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
