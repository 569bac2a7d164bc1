package sha256x16

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

const (
	// MessageSize is the length of a message without the prefix.
	MessageSize = 4096
	// Lanes is how many messages are hashed side by side.
	Lanes = 16
	// MaxPrefix bounds the prefix, so that lengths in bits stay small.
	MaxPrefix = 1 << 10

	// least is how many messages make it worth to fill sixteen lanes: all of them
	// cost as much as seven hashed one by one.
	least = 8
)

// Hasher hashes messages behind one prefix. It has scratch memory of its own:
// one goroutine at a time.
type Hasher struct {
	prefix []byte
	one    hash.Hash // for single messages behind a prefix
	wide   bool
	state  [8]uint32  // after the prefix
	pad    [64]uint32 // round constants plus the schedule of the last block, which is the same for all
	words  [8][Lanes]uint32
	spare  []byte // sixteen messages, when fewer are to be hashed
}

// New returns a Hasher for messages that begin with prefix, whose length is a
// multiple of 64, and usually 0. With portable it uses crypto/sha256 whatever the
// processor has, so that the two can be compared.
func New(prefix []byte, portable bool) (*Hasher, error) {
	if len(prefix)%sha256.BlockSize != 0 || len(prefix) > MaxPrefix {
		return nil, fmt.Errorf("sha256x16: prefix of %d bytes: not a multiple of %d up to %d", len(prefix), sha256.BlockSize, MaxPrefix)
	}
	h := &Hasher{prefix: append([]byte(nil), prefix...), one: sha256.New(), wide: Available() && !portable, state: initial}
	if h.wide {
		for p := prefix; len(p) > 0; p = p[sha256.BlockSize:] {
			h.state = compress(h.state, p)
		}
		h.pad = padding(len(prefix) + MessageSize)
	}
	return h, nil
}

// Sum writes the hash of each message in data to out. data is a whole number of
// messages, out has 32 bytes for each of them.
func (h *Hasher) Sum(out, data []byte) {
	n := len(data) / MessageSize
	if len(data)%MessageSize != 0 || len(out) != n*sha256.Size {
		panic("sha256x16: lengths do not belong together") // a mistake of the caller: no length comes from outside
	}
	if h.wide {
		for ; n >= Lanes; n -= Lanes {
			h.sixteen(out, data)
			out, data = out[Lanes*sha256.Size:], data[Lanes*MessageSize:]
		}
		if n >= least {
			h.some(out, data)
			return
		}
	}
	for ; n > 0; n-- {
		h.single(out[:sha256.Size], data[:MessageSize])
		out, data = out[sha256.Size:], data[MessageSize:]
	}
}

func (h *Hasher) single(out, message []byte) {
	if len(h.prefix) == 0 {
		s := sha256.Sum256(message)
		copy(out, s[:])
		return
	}
	h.one.Reset()
	h.one.Write(h.prefix)
	h.one.Write(message)
	h.one.Sum(out[:0])
}

func (h *Hasher) sixteen(out, data []byte) {
	_, _ = out[Lanes*sha256.Size-1], data[Lanes*MessageSize-1]
	sum16(&h.words, (*[Lanes * MessageSize]byte)(data), &h.state, &h.pad)
	for lane := range Lanes {
		o := out[lane*sha256.Size:][:sha256.Size]
		for i := range h.words {
			binary.BigEndian.PutUint32(o[4*i:], h.words[i][lane])
		}
	}
}

// some hashes fewer messages than there are lanes; the other lanes get what lies
// there from before, and their hashes are dropped.
func (h *Hasher) some(out, data []byte) {
	if h.spare == nil {
		h.spare = make([]byte, Lanes*(MessageSize+sha256.Size))
	}
	in, sums := h.spare[:Lanes*MessageSize], h.spare[Lanes*MessageSize:]
	copy(in, data)
	h.sixteen(sums, in)
	copy(out, sums)
}
