package agent

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/sign"
)

// nodeKeyFile is the persisted node key, which names a host without TPM.
const nodeKeyFile = "node.key"

// loadNodeKey reads the node key in dir or makes it. The file appears whole or
// not at all, is readable by its owner alone, and is never replaced.
func loadNodeKey(dir string) (*ecdsa.PrivateKey, error) {
	if err := makeStateDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, nodeKeyFile)
	for range 2 { // a second time, where another process made the file between the two steps
		key, err := readNodeKey(path)
		if !errors.Is(err, os.ErrNotExist) {
			return key, err
		}
		if err := makeNodeKey(path); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("node key: %w: state_dir must be writable for this user", err)
		}
	}
	return readNodeKey(path)
}

// makeStateDir makes the state directory where it is missing; systemd makes it beforehand.
func makeStateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state_dir: %w: make it, writable for this user alone", err)
	}
	return nil
}

func readNodeKey(path string) (*ecdsa.PrivateKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("node key: %s is readable for others (mode %04o): chmod 600 it, or remove it and enrol again if others may have read it", path, st.Mode().Perm())
	}
	if st.Size() > maxKeyFile {
		return nil, fmt.Errorf("node key: %s has %d bytes: not a key file", path, st.Size())
	}
	b := make([]byte, st.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	key, err := sign.ParsePrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("node key: %s: %w", path, err)
	}
	return key, nil
}

// makeNodeKey writes a new key beside path and links it there, which fails if path exists.
func makeNodeKey(path string) error {
	key, err := sign.GenerateKey()
	if err != nil {
		return err
	}
	b, err := sign.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), nodeKeyFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
