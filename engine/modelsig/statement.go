package modelsig

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://model_signing/signature/v1.0"
	oldPredicate  = "https://model_signing/Digests/v0.1"
)

// Methods of serialization (OMS 6.3).
const (
	MethodFiles  = "files"  // one digest for each file
	MethodShards = "shards" // one digest for each range of ShardSize bytes
)

// Subject names the model as a whole. The name is for people: the signer wrote
// the base name of a directory, and nothing may depend on it (OMS 6.5).
type Subject struct {
	Name   string
	SHA256 [32]byte // root digest: SHA-256 over the resources' digests in their order
}

// Serialization says how the publisher listed and hashed the files.
type Serialization struct {
	Method        string // MethodFiles or MethodShards
	HashType      string // sha256; a bundle with another is not evaluable
	ShardSize     uint64 // bytes; 0 with MethodFiles
	AllowSymlinks bool   // links were followed when the model was listed
	IgnorePaths   []string
}

// Resource is one signed digest. With MethodShards the name ends in ":start:end".
type Resource struct {
	Name      string
	Digest    [32]byte
	Algorithm string
}

// Statement is what a publisher's key has signed. Only Open makes one.
type Statement struct {
	Subject       Subject
	Serialization Serialization
	Resources     []Resource

	files   map[string]*signedFile // by path
	ignored map[string]bool
	bundle  [32]byte // SHA-256 of the bundle itself
}

// rawStatement is the payload as written, before one part is held against another:
// JSON may bring the parts in any order.
type rawStatement struct {
	name, root string
	resources  []rawResource
	ser        Serialization
}

type rawResource struct{ name, digest, algorithm string }

// parseStatement reads a verified payload (OMS 8.3; schemas/v1.0/statement.schema.json).
func parseStatement(payload []byte) (*Statement, error) {
	r, err := newReader(payload)
	if err != nil {
		return nil, err
	}
	var raw rawStatement
	err = r.object("document", []string{"_type", "subject", "predicateType", "predicate"}, func(name string) error {
		switch name {
		case "_type":
			return r.exactly(name, statementType)
		case "subject":
			return raw.readSubject(r)
		case "predicateType":
			return readPredicateType(r)
		case "predicate":
			return raw.readPredicate(r)
		}
		return fmt.Errorf("unknown member %q", attest.Clean(name))
	})
	if err != nil {
		return nil, err
	}
	return raw.statement()
}

func readPredicateType(r *reader) error {
	got, err := r.text("predicateType")
	switch {
	case err != nil || got == predicateType:
		return err
	case got == oldPredicate:
		return fmt.Errorf("%w: predicateType %q, the form before version 1.0: ask the publisher to sign anew", ErrNotEvaluable, got)
	}
	return fmt.Errorf("predicateType: %q, want %q", attest.Clean(got), predicateType)
}

func (raw *rawStatement) readSubject(r *reader) error {
	found := false
	err := r.array("subject", 1, func() error {
		found = true
		return r.object("subject", []string{"name", "digest"}, func(name string) (err error) {
			switch name {
			case "name":
				raw.name, err = r.text("subject name")
				return err
			case "digest":
				return r.object("subject digest", []string{"sha256"}, func(name string) (err error) {
					if name != "sha256" {
						return r.skip(name)
					}
					raw.root, err = r.text(name)
					return err
				})
			}
			return r.skip(name)
		})
	})
	if err == nil && !found {
		return errors.New("subject: none")
	}
	return err
}

func (raw *rawStatement) readPredicate(r *reader) error {
	return r.object("predicate", []string{"resources", "serialization"}, func(name string) error {
		switch name {
		case "resources":
			return r.array(name, MaxResources, func() error { return raw.readResource(r) })
		case "serialization":
			return readSerialization(r, &raw.ser)
		}
		return fmt.Errorf("predicate: unknown member %q", attest.Clean(name))
	})
}

// readResource reads over members that in-toto defines and this format does not use (OMS 5.2.1).
func (raw *rawStatement) readResource(r *reader) error {
	var res rawResource
	err := r.object("resource", []string{"name", "digest", "algorithm"}, func(name string) (err error) {
		switch name {
		case "name":
			res.name, err = r.text(name)
		case "digest":
			res.digest, err = r.text(name)
		case "algorithm":
			res.algorithm, err = r.text(name)
		default:
			err = r.skip(name)
		}
		return err
	})
	raw.resources = append(raw.resources, res)
	return err
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
