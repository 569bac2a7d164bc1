package census

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// span is where a tensor's data lies, relative to the end of the header.
type span struct {
	begin, end uint64
	name       string
}

// safetensors reads one header: a little-endian u64 length, then a JSON object
// of name -> {dtype, shape, data_offsets}. As the format's own reader does, it
// demands that the data covers the file without a gap or an overlap, so that no
// byte of a file escapes the census. budget is what all headers may still take.
func safetensors(ctx context.Context, src io.ReaderAt, size uint64, budget *int64) ([]tensor, error) {
	if size < 8 {
		return nil, errShort
	}
	c := newCursor(ctx, src, 0, 8)
	var head [8]byte
	if err := c.full(head[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > size-8 {
		return nil, fmt.Errorf("header of %d bytes in a file of %d", n, size)
	}
	if n > MaxHeaderBytes {
		return nil, &limitError{"header", MaxHeaderBytes}
	}
	if *budget -= int64(n); *budget < 0 {
		return nil, &limitError{"headers together", MaxTotalBytes}
	}
	h := header{s: scanner{c: newCursor(ctx, src, 8, 8+int64(n))}}
	if err := h.s.object(MaxNameBytes, h.member); err != nil {
		return nil, err
	}
	if err := h.s.end(); err != nil {
		return nil, err
	}
	return h.tensors, contiguous(h.spans, size-8-n)
}

type header struct {
	s        scanner
	tensors  []tensor
	spans    []span
	metadata bool
	dims     []uint64 // reused
}

func (h *header) member(name string) error {
	if name == "__metadata__" {
		if h.metadata {
			return h.s.fail("__metadata__ twice")
		}
		h.metadata = true
		return h.comments()
	}
	t, sp, err := h.tensor()
	if err != nil {
		return fmt.Errorf("tensor %s: %w", printable(name), err)
	}
	t.name, sp.name = name, name
	h.tensors, h.spans = append(h.tensors, t), append(h.spans, sp)
	return nil
}

// comments reads over __metadata__, a map of texts to texts.
func (h *header) comments() error {
	seen := map[string]bool{}
	return h.s.object(MaxKeyBytes, func(key string) error {
		if seen[key] {
			return h.s.fail("__metadata__ has %s twice", printable(key))
		}
		if seen[key] = true; len(seen) > MaxKeys {
			return &limitError{"keys of __metadata__", MaxKeys}
		}
		return h.s.read(MaxStringBytes)
	})
}

func (h *header) tensor() (t tensor, sp span, err error) {
	var width uint64
	var offsets [2]uint64
	seen := [3]bool{}
	once := func(i int) error {
		if seen[i] {
			return errors.New("a key twice")
		}
		seen[i] = true
		return nil
	}
	err = h.s.object(32, func(key string) error {
		switch key {
		case "dtype":
			err := h.s.read(32)
			d := storage[string(h.s.text)]
			t.dtype, width = d.dtype, d.bits
			return cmp.Or(once(0), err)
		case "shape":
			return cmp.Or(once(1), h.shape(&t))
		case "data_offsets":
			n, err := h.numbers(2)
			copy(offsets[:], n)
			if err == nil && len(n) != 2 {
				err = errors.New("data_offsets are not two")
			}
			return cmp.Or(once(2), err)
		}
		return fmt.Errorf("unknown key %s", printable(key))
	})
	if err != nil {
		return t, sp, err
	}
	if seen != [3]bool{true, true, true} || offsets[0] > offsets[1] {
		return t, sp, errors.New("needs dtype, shape and rising data_offsets")
	}
	sp = span{begin: offsets[0], end: offsets[1]}
	t.bytes = sp.end - sp.begin
	if t.dtype != dUnknown && (t.elems*width%8 != 0 || t.elems*width/8 != t.bytes) {
		return t, sp, fmt.Errorf("%d elements of %d bits in %d bytes", t.elems, width, t.bytes)
	}
	return t, sp, nil
}

func (h *header) shape(t *tensor) error {
	dims, err := h.numbers(MaxRank)
	if err != nil {
		return err
	}
	t.rank = uint8(len(dims))
	copy(t.dims[:], dims)
	t.elems, err = product(dims)
	return err
}

// numbers reads an array of at most limit whole numbers; the slice is reused.
func (h *header) numbers(limit int) ([]uint64, error) {
	h.dims = h.dims[:0]
	err := h.s.array(func() error {
		if len(h.dims) >= limit {
			return &limitError{"array", uint64(limit)}
		}
		n, err := h.s.uint()
		h.dims = append(h.dims, n)
		return err
	})
	return h.dims, err
}

// contiguous demands that the spans cover all of the data once.
func contiguous(spans []span, data uint64) error {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end)) })
	at := uint64(0)
	for _, s := range spans {
		if s.begin != at {
			return fmt.Errorf("tensor %s begins at %d, the one before it ends at %d", printable(s.name), s.begin, at)
		}
		at = s.end
	}
	if at != data {
		return fmt.Errorf("tensors end at byte %d of %d", at, data)
	}
	return nil
}
