package modelsig

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

// Methods of serialization (OMS 6.3).
const (
	MethodFiles  = "files"  // one digest for each file
	MethodShards = "shards" // one digest for each range of ShardSize bytes
)

// Serialization says how the publisher listed and hashed the files.
type Serialization struct {
	Method        string // MethodFiles or MethodShards
	HashType      string // sha256; a bundle with another is not evaluable
	ShardSize     uint64 // bytes; 0 with MethodFiles
	AllowSymlinks bool   // links were followed when the model was listed
	IgnorePaths   []string
}

func readSerialization(r *reader, s *Serialization) error {
	return r.object("serialization", []string{"method", "hash_type", "allow_symlinks"}, func(name string) (err error) {
		switch name {
		case "method":
			s.Method, err = r.text(name)
		case "hash_type":
			s.HashType, err = r.text(name)
		case "shard_size":
			s.ShardSize, err = r.size(name)
		case "allow_symlinks":
			s.AllowSymlinks, err = r.boolean(name)
		case "ignore_paths":
			return r.array(name, MaxIgnorePaths, func() error {
				p, err := r.text(name)
				s.IgnorePaths = append(s.IgnorePaths, p)
				return err
			})
		default:
			err = fmt.Errorf("serialization: unknown member %q", attest.Clean(name))
		}
		return err
	})
}

// size reads a positive whole number. The reference signer passes it through a
// protobuf Struct, which knows floats only, so "1000000000.0" is the number too.
func (r *reader) size(what string) (uint64, error) {
	t, err := r.dec.Token()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	text, ok := t.(json.Number)
	if !ok {
		return 0, fmt.Errorf("%s: not a number", what)
	}
	whole, fraction, _ := strings.Cut(text.String(), ".")
	n, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0") != "" || n == 0 || n > MaxFileBytes {
		return 0, fmt.Errorf("%s: %s, want a whole number from 1 to %d", what, attest.Clean(text.String()), uint64(MaxFileBytes))
	}
	return n, nil
}

// check holds the serialization against the closed sets of OMS 5.2.2 and the
// algorithm registry.
func (s *Serialization) check() error {
	switch {
	case s.Method != MethodFiles && s.Method != MethodShards:
		return fmt.Errorf("serialization method %q, want files or shards", attest.Clean(s.Method))
	case (s.Method == MethodShards) != (s.ShardSize > 0):
		return fmt.Errorf("serialization method %s with a shard_size of %d", s.Method, s.ShardSize)
	case s.HashType == "blake2b" || s.HashType == "blake3":
		return fmt.Errorf("%w: files were hashed with %s, only sha256 is computed here", ErrNotEvaluable, s.HashType)
	case s.HashType != "sha256":
		return fmt.Errorf("hash_type %q, want sha256, blake2b or blake3", attest.Clean(s.HashType))
	}
	for _, p := range s.IgnorePaths {
		if err := checkName(p); err != nil {
			return fmt.Errorf("ignore_paths: %w", err)
		}
		if strings.ContainsAny(p, "*?[") { // OMS 6.2.1: a pattern here matches nothing and misleads people
			return fmt.Errorf("ignore_paths: %q is a pattern, want a path", p)
		}
	}
	return nil
}

// checkName refuses a path that a model's listing cannot have (OMS 6.1.2):
// absolute, leading out of the model, not in shortest form, or not printable.
// U+FFFD is what is left of a name that JSON could not carry.
func checkName(p string) error {
	switch {
	case p == "" || len(p) > attest.MaxText:
		return fmt.Errorf("path of %d bytes, limit %d", len(p), attest.MaxText)
	case attest.Clean(p) != p || strings.ContainsRune(p, utf8.RuneError):
		return fmt.Errorf("path %q is not printable UTF-8", attest.Clean(p))
	case p != path.Clean(p) || p == "." || path.IsAbs(p) || slices.Contains(strings.Split(p, "/"), ".."):
		return fmt.Errorf("path %q is not relative and in shortest form", p)
	}
	return nil
}
