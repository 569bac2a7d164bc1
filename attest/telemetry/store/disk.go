package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// write makes a whole file of that name or none: written beside it, synced, renamed,
// its folder synced. What a crash leaves beside it has the suffix ".new" and is
// removed at the next start.
func write(path string, b []byte) error {
	f, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(path+newSuffix, path)
	}
	if err != nil {
		os.Remove(path + newSuffix) // best effort: on a full disk it holds what the next try needs
		return err
	}
	return syncDir(filepath.Dir(path))
}

const newSuffix = ".new"

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// readFile reads a regular file of at most limit bytes.
func readFile(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(b) > limit {
		err = fmt.Errorf("%s: over %d bytes", filepath.Base(path), limit)
	}
	return b, err
}
