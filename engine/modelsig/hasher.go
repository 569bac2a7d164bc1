package modelsig

import (
	"crypto/sha256"
	"hash"
)

// Hasher computes from a file's bytes, written to it in order, the digests that
// Compare wants of it: those of its signed ranges, or that of the whole.
type Hasher struct {
	file   File
	ranges []Shard // not yet hashed whole; nil from the start where the file is hashed as a whole
	whole  bool
	at     uint64 // bytes written
	h      hash.Hash
}

// Hasher returns one for a file of this path and size. A file of which ranges
// were signed is not hashed as a whole beside them, unless it is the bundle.
func (s *Statement) Hasher(path string, size uint64, signature string) *Hasher {
	h := &Hasher{file: File{Path: path, Size: size}, h: sha256.New()}
	if path != signature {
		h.ranges = s.Shards(path, size)
	}
	h.whole = h.ranges == nil
	return h
}

// Write never fails. Bytes behind the last range are another file's trouble: its size is not the signed one.
func (h *Hasher) Write(p []byte) (int, error) {
	all := len(p)
	if h.whole {
		h.h.Write(p)
		return all, nil
	}
	for len(p) > 0 && len(h.ranges) > 0 {
		n := min(uint64(len(p)), h.ranges[0].End-h.at)
		h.h.Write(p[:n])
		p, h.at = p[n:], h.at+n
		if h.at == h.ranges[0].End {
			h.file.Shards = append(h.file.Shards, [32]byte(h.h.Sum(nil)))
			h.h.Reset()
			h.ranges = h.ranges[1:]
		}
	}
	return all, nil
}

// File is the file as it was written so far. A range that did not come to its end
// has no digest, so Compare does not judge the file.
func (h *Hasher) File() File {
	f := h.file
	if h.whole {
		f.SHA256 = [32]byte(h.h.Sum(nil))
	}
	return f
}
