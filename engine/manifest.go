package engine

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

const (
	// MaxManifestSize bounds an encoded manifest: attest.MaxModelFiles entries with long names.
	MaxManifestSize = attest.MaxReferenceSize
	// MaxFileBytes bounds the size of one file, and keeps sums within a uint64.
	MaxFileBytes = 1 << 46
)

// Entry is one file of a model: its path relative to the model root with
// slashes, its size in bytes, its fs-verity digest (SHA-256, 4096-byte blocks, no salt).
type Entry struct {
	_        struct{} `cbor:",toarray"`
	Path     string
	Size     uint64
	FSVerity [32]byte
}

// Manifest is the identity of a model: its files, sorted bytewise by path. A
// model that is a single file has one entry under its base name.
type Manifest []Entry

// Check refuses what is not the one manifest of its files: paths out of order or
// twice, absolute, not in shortest form, or with bytes that do not print.
func (m Manifest) Check() error {
	if len(m) == 0 || len(m) > attest.MaxModelFiles {
		return fmt.Errorf("manifest: %d files, limit %d", len(m), attest.MaxModelFiles)
	}
	last := ""
	for i, e := range m {
		if err := checkPath(e.Path); err != nil {
			return fmt.Errorf("manifest: file %d: %w", i, err)
		}
		if e.Path <= last {
			return fmt.Errorf("manifest: file %d: %q not after %q", i, e.Path, last)
		}
		if e.Size > MaxFileBytes {
			return fmt.Errorf("manifest: file %d: %d bytes, limit %d", i, e.Size, uint64(MaxFileBytes))
		}
		last = e.Path
	}
	return nil
}

func checkPath(p string) error {
	switch {
	case p == "" || len(p) > attest.MaxText:
		return fmt.Errorf("path of %d bytes, limit %d", len(p), attest.MaxText)
	case !utf8.ValidString(p) || attest.Clean(p) != p:
		return errors.New("path is not printable UTF-8")
	case p != path.Clean(p) || strings.HasPrefix(p, "/") || p == ".." || strings.HasPrefix(p, "../") || p == ".":
		return fmt.Errorf("path %q is not relative and in shortest form", p)
	}
	return nil
}

// Encode returns the manifest's one encoding: a deterministic CBOR array of
// [path, size, digest].
func (m Manifest) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return attest.Marshal(m)
}

// Digest is the model digest: SHA-256 of the encoding.
func (m Manifest) Digest() ([32]byte, error) {
	b, err := m.Encode()
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), nil
}

// Size is the sum of the files' sizes in bytes.
func (m Manifest) Size() (n uint64) {
	for _, e := range m {
		n += e.Size
	}
	return n
}

// ParseManifest decodes a manifest and checks it.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if err := attest.Unmarshal(b, &m, MaxManifestSize); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, m.Check()
}
