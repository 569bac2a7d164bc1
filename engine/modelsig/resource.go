package modelsig

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// signedFile is what a statement says of one file.
type signedFile struct {
	ranges  []Shard    // in order and without gaps; nil with MethodFiles
	digests [][32]byte // one, or one for each range
}

// size is where the last range ends; with MethodFiles no size was signed.
func (f *signedFile) size() uint64 { return f.ranges[len(f.ranges)-1].End }

// single is the name that the reference signer gives to the file of a model which
// is one file; the specification wants its base name there, and other signers write that.
const single = "."

// statement holds the parts of the payload against one another.
func (raw *rawStatement) statement() (*Statement, error) {
	if raw.name == "" || len(raw.name) > attest.MaxText {
		return nil, fmt.Errorf("subject name of %d bytes, limit %d", len(raw.name), attest.MaxText)
	}
	if err := raw.ser.check(); err != nil {
		return nil, err
	}
	s := &Statement{Subject: Subject{Name: attest.Clean(raw.name)}, Serialization: raw.ser, files: map[string]*signedFile{}}
	for i, res := range raw.resources {
		if err := s.add(res); err != nil {
			return nil, fmt.Errorf("resource %d: %w", i, err)
		}
	}
	if err := s.checkOrder(); err != nil {
		return nil, err
	}
	if err := s.checkFiles(); err != nil {
		return nil, err
	}
	if err := s.checkRoot(raw.root); err != nil {
		return nil, err
	}
	s.ignored = ignoreSet(raw.ser.IgnorePaths)
	return s, nil
}

func (s *Statement) add(raw rawResource) error {
	ser := s.Serialization
	// The reference signer writes the second form into shards.
	if raw.algorithm != ser.HashType && raw.algorithm != fmt.Sprintf("%s-sharded-%d", ser.HashType, ser.ShardSize) {
		return fmt.Errorf("algorithm %q, want the statement's %s", attest.Clean(raw.algorithm), ser.HashType)
	}
	digest, err := parseDigest(raw.digest)
	if err != nil {
		return err
	}
	name, rng := raw.name, Shard{}
	if ser.Method == MethodShards {
		if name, rng, err = splitShard(raw.name); err != nil {
			return err
		}
	}
	if name != single {
		if err := checkName(name); err != nil {
			return err
		}
	}
	f := s.files[name]
	if f == nil {
		f = &signedFile{}
		s.files[name] = f
	} else if ser.Method == MethodFiles {
		return fmt.Errorf("%q twice", name)
	}
	f.digests = append(f.digests, digest)
	if ser.Method == MethodShards {
		f.ranges = append(f.ranges, rng)
	}
	s.Resources = append(s.Resources, Resource{Name: raw.name, Digest: digest, Algorithm: raw.algorithm})
	return nil
}

func parseDigest(text string) (d [32]byte, err error) {
	if len(text) != 2*len(d) || strings.ToLower(text) != text {
		return d, fmt.Errorf("digest of %d characters, want %d of lower-case hexadecimal", len(text), 2*len(d))
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return d, fmt.Errorf("digest: %w", err)
	}
	return d, nil
}

// checkOrder accepts the specification's order, by code points of the name, and
// the reference signer's: by path component, then by number. Order is under the
// signature, so it decides nothing; but a list in no order was written by no signer.
func (s *Statement) checkOrder() error {
	if len(s.Resources) == 0 {
		return errors.New("no resources")
	}
	byName := func(a, b Resource) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(s.Resources, byName) && !slices.IsSortedFunc(s.Resources, s.compareParts) {
		return errors.New("resources are not sorted by name")
	}
	return nil
}

// compareParts orders paths as lists of their components: the separator comes
// before every other byte.
func (s *Statement) compareParts(a, b Resource) int {
	pa, ra := a.Name, Shard{}
	pb, rb := b.Name, Shard{}
	if s.Serialization.Method == MethodShards {
		pa, ra, _ = splitShard(a.Name) // was split without error when it was added
		pb, rb, _ = splitShard(b.Name)
	}
	if c := strings.Compare(strings.ReplaceAll(pa, "/", "\x00"), strings.ReplaceAll(pb, "/", "\x00")); c != 0 {
		return c
	}
	switch {
	case ra.Start < rb.Start:
		return -1
	case ra.Start > rb.Start:
		return 1
	}
	return 0
}

// checkFiles demands that the ranges of each file cover it from its first byte to
// its last. A gap would be a place to change bytes under a good signature.
func (s *Statement) checkFiles() error {
	if s.files[single] != nil && len(s.files) > 1 {
		return fmt.Errorf("path %q, the name of a model of one file, among %d files", single, len(s.files))
	}
	if s.Serialization.Method == MethodFiles {
		return nil
	}
	for name, f := range s.files {
		f.sort()
		want := uint64(0)
		for i, r := range f.ranges {
			full := r.End-r.Start == s.Serialization.ShardSize
			short := i == len(f.ranges)-1 && r.End-r.Start < s.Serialization.ShardSize
			if r.Start != want || r.End <= r.Start || !full && !short {
				return fmt.Errorf("%q: range %d:%d, want a shard of %d bytes from %d", name, r.Start, r.End, s.Serialization.ShardSize, want)
			}
			want = r.End
		}
	}
	return nil
}

// checkRoot recomputes the subject's digest (OMS 6.5.1). Integrity does not need
// it; but others refer to the model by it, and it must not name another list.
func (s *Statement) checkRoot(text string) error {
	want, err := parseDigest(text)
	if err != nil {
		return fmt.Errorf("subject: %w", err)
	}
	h := sha256.New()
	for _, r := range s.Resources {
		h.Write(r.Digest[:])
	}
	if got := [32]byte(h.Sum(nil)); got != want {
		return fmt.Errorf("subject: root digest %x, its resources give %x", want, got)
	}
	s.Subject.SHA256 = want
	return nil
}
