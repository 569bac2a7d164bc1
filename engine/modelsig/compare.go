package modelsig

import (
	"fmt"
	"slices"
	"strings"
)

// File is one file as found. Path is relative to the model root, with slashes.
// Shards is needed where Statement.Shards asks for ranges.
type File struct {
	Path   string
	Size   uint64     // bytes
	SHA256 [32]byte   // of the whole; zero where it could not be read
	Shards [][32]byte // SHA-256 of each range that Statement.Shards named, in its order
}

// Change is how a file differs from what was signed.
type Change string

const (
	Missing   Change = "missing"   // signed, and not there
	Extra     Change = "extra"     // there, and not signed: a publisher's word does not cover it
	Different Change = "different" // other bytes than were signed
	Unhashed  Change = "unhashed"  // there and signed, but its digests were not given: not judged
)

// Difference is one file by which a directory is not the signed model.
type Difference struct {
	Path   string
	Change Change
	Detail string // what was signed and what was seen, for people
}

// defaultIgnored are left out of every model, at its root only (OMS 6.2).
var defaultIgnored = []string{".git", ".gitignore", ".gitattributes", ".github"}

func ignoreSet(more []string) map[string]bool {
	set := map[string]bool{}
	for _, p := range slices.Concat(defaultIgnored, more) {
		set[p] = true
	}
	return set
}

// Shards returns the ranges of a file to hash, so that the pass which computes
// other digests gives these too. It returns nothing where none is needed: with
// MethodFiles, for a file that was not signed, and for one whose size shows
// already that it is another; the number is bounded by MaxResources, whatever
// size a file has.
func (s *Statement) Shards(path string, size uint64) []Shard {
	f := s.files[path]
	if f == nil {
		f = s.files[single]
	}
	if f == nil || f.ranges == nil || f.size() != size {
		return nil
	}
	return slices.Clone(f.ranges)
}

// Compare holds the files of a model against what was signed, and returns every
// difference, sorted by path; none means that the model is the publisher's. Each
// path must stand once. Symbolic links are judged as the files they lead to.
//
// signature is the bundle's own path below the model root, empty where it lies
// elsewhere. That file is no difference if it is the bundle that was opened; a
// name alone excuses nothing.
func (s *Statement) Compare(files []File, signature string) []Difference {
	var diffs []Difference
	seen := map[string]bool{}
	alone := s.alone(files, signature)
	for _, f := range files {
		name := f.Path
		if alone != "" && name == alone {
			name = single
		}
		signed := s.files[name]
		switch {
		case signed != nil:
			seen[name] = true
			if d, ok := signed.compare(f); !ok {
				diffs = append(diffs, d)
			}
		case !s.outside(f, signature):
			diffs = append(diffs, Difference{f.Path, Extra, "not among the signed files"})
		}
	}
	for name := range s.files {
		if !seen[name] {
			diffs = append(diffs, Difference{name, Missing, "signed, and not found"})
		}
	}
	slices.SortFunc(diffs, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return diffs
}

// Ignored lists the files that the signature leaves out and Compare passes over:
// those on the lists of ignored paths, the bundle itself, and with MethodShards
// empty files, which have no range to sign. They are as the host has them; a
// caller should not find weights among them.
func (s *Statement) Ignored(files []File, signature string) []string {
	var list []string
	for _, f := range files {
		if s.files[f.Path] == nil && s.outside(f, signature) {
			list = append(list, f.Path)
		}
	}
	slices.Sort(list)
	return list
}

// alone returns the path of the one file of a model that was signed as a single
// file, if exactly one is there to be it.
func (s *Statement) alone(files []File, signature string) (path string) {
	if s.files[single] == nil {
		return ""
	}
	for _, f := range files {
		if s.outside(f, signature) {
			continue
		}
		if path != "" {
			return ""
		}
		path = f.Path
	}
	return path
}

// outside reports whether a file that was not signed is excused.
func (s *Statement) outside(f File, signature string) bool {
	if f.Path == signature && f.SHA256 == s.bundle {
		return true
	}
	if s.Serialization.Method == MethodShards && f.Size == 0 {
		return true
	}
	for i, c := range f.Path { // each leading directory, at component borders only
		if c == '/' && s.ignored[f.Path[:i]] {
			return true
		}
	}
	return s.ignored[f.Path]
}

func (signed *signedFile) compare(f File) (Difference, bool) {
	diff := func(c Change, format string, args ...any) (Difference, bool) {
		return Difference{f.Path, c, fmt.Sprintf(format, args...)}, false
	}
	if signed.ranges == nil {
		switch {
		case f.SHA256 == [32]byte{}:
			return diff(Unhashed, "no digest was computed")
		case f.SHA256 != signed.digests[0]:
			return diff(Different, "sha256 %x, signed %x", f.SHA256, signed.digests[0])
		}
		return Difference{}, true
	}
	if f.Size != signed.size() {
		return diff(Different, "%d bytes, signed %d", f.Size, signed.size())
	}
	if len(f.Shards) != len(signed.digests) {
		return diff(Unhashed, "digests of %d ranges were computed, signed %d", len(f.Shards), len(signed.digests))
	}
	for i, d := range f.Shards {
		if d != signed.digests[i] {
			r := signed.ranges[i]
			return diff(Different, "bytes %d to %d: sha256 %x, signed %x", r.Start, r.End, d, signed.digests[i])
		}
	}
	return Difference{}, true
}
