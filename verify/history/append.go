package history

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/verify"
)

// Append keeps what a result leaves: its verdict, signed by key, and the logs
// that replayed. A result without verdict was refused before it was appraised, and leaves nothing.
func (s *Store) Append(key *ecdsa.PrivateKey, r *verify.Result) error {
	if r.Verdict == nil {
		return nil
	}
	payload, err := attest.Marshal(r.Verdict)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if _, err := attest.ParseVerdict(payload); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	doc, err := sign.Seal(key, attest.TypeVerdict, payload)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	dir := s.node(r.Verdict.UEID)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := replace(filepath.Join(dir, fileName(r.Verdict)), doc); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := s.keepGPUs(r.Verdict, doc); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	for name, content := range r.Logs {
		if err := s.keepLog(r.Verdict.UEID, name, content); err != nil {
			return fmt.Errorf("history: %w", err)
		}
	}
	return nil
}

// keepLog replaces the kept beginning of a log; nil and what is too long are dropped, so that the next challenge asks for the whole.
func (s *Store) keepLog(u attest.UEID, name string, content []byte) error {
	path := s.logFile(u, name)
	if content == nil || len(content) > MaxKeptLog {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return replace(path, content)
}

// replace writes beside and renames, so that no reader sees half a file, and one that the machine wrote before it lost power is whole.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
