package main

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

// readFile reads a file of at most limit bytes. "-" is standard input.
func readFile(path string, limit int64) ([]byte, error) {
	f := os.Stdin
	if path != "-" {
		var err error
		if f, err = os.Open(path); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: over %d bytes", path, limit)
	}
	return b, nil
}

// writeFile writes through a temporary file beside path, so that a crash leaves the old content or the new.
func writeFile(path string, b []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".hallmark-*")
	if err != nil {
		return unwritable(path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return unwritable(path, err)
	}
	return nil
}

// unwritable names the file that was asked for, not the temporary one, and what to do.
func unwritable(path string, err error) error {
	var why *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &why):
		err = why.Err
	case errors.As(err, &link):
		err = link.Err
	}
	dir := filepath.Dir(path)
	st, statErr := os.Stat(path)
	switch {
	case statErr == nil && st.IsDir():
		return fmt.Errorf("write %s: it is a folder: name a file in it", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("write %s: there is no folder %s: make it with mkdir -p %s", path, dir, dir)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("write %s: this user may not write into %s", path, dir)
	}
	return fmt.Errorf("write %s: %w", path, err)
}

// willWrite looks whether path can be written, before a node is asked for what goes there.
func willWrite(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".hallmark-*")
	if err != nil {
		return unwritable(path, err)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return err
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return unwritable(path, err)
	}
	return nil
}

// readNode reads a node record. One whose signature does not verify is read too: that is for verify to judge.
func readNode(path string) ([]byte, error) {
	b, err := readFile(path, attest.MaxRecordSize) // a record, given in its place, is to be told from it
	if err != nil {
		return nil, fmt.Errorf("node record: %w; make one with: hallmark enroll URL --key validator.key -o %s", err, path)
	}
	if _, err := verify.OpenNode(b); err != nil && !errors.Is(err, sign.ErrSignature) {
		return nil, unlike(path, b, fmt.Errorf("%s: %w", path, err), sortNode)
	}
	return b, nil
}

const maxKeyFile = 64 << 10

func readPrivateKey(path string) (*ecdsa.PrivateKey, error) {
	b, err := readFile(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("%w; make one with: hallmark keygen -o %s", err, path)
	}
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(os.Stderr, "hallmark: warning: %s is readable by others (mode %04o); fix: chmod 600 %s\n", path, st.Mode().Perm(), path)
	}
	key, err := sign.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

func readPublicKey(path string) (*ecdsa.PublicKey, error) {
	b, err := readFile(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := sign.ParsePublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
