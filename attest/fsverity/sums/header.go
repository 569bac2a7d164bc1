package sums

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	magic      = "hallmark sums 1\n"
	headerSize = 96

	// recordSums is how many bytes of sums one record has: the last may have fewer.
	recordSums = 4096
	recordSize = recordSums + sha256.Size
)

// Subject is the file whose sums are stored.
type Subject struct {
	// Identity changes whenever the file may have: a hash of device, inode, size,
	// times and boot, for instance, and of the salt if there is one.
	Identity [32]byte
	// Size is the file's length in bytes.
	Size int64
	// Begun is when its first byte was read. Of a pass that goes on it is the time
	// stored, not the one given.
	Begun time.Time
}

// header is magic, identity, size, begin, check value; little-endian.
func (s Subject) header() []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = append(b, s.Identity[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Size))
	b = binary.LittleEndian.AppendUint64(b, uint64(s.Begun.UnixNano()))
	check := sha256.Sum256(b)
	return append(b, check[:]...)
}

// parse returns the subject that a header names, if it is one.
func parse(b []byte) (s Subject, ok bool) {
	if len(b) != headerSize || string(b[:16]) != magic || sha256.Sum256(b[:64]) != [32]byte(b[64:]) {
		return s, false
	}
	s.Identity = [32]byte(b[16:48])
	s.Size = int64(binary.LittleEndian.Uint64(b[48:]))
	s.Begun = time.Unix(0, int64(binary.LittleEndian.Uint64(b[56:])))
	return s, true
}

// check is the check value of the record that begins with the sum of the given span.
func (s Subject) check(span int64, sums []byte) [32]byte {
	h := sha256.New()
	h.Write(s.header())
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(span)))
	h.Write(sums)
	return [32]byte(h.Sum(nil))
}
