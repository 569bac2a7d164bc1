package census

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
)

// ggufHeader is what a census needs of one GGUF file (ggml/docs/gguf.md).
type ggufHeader struct {
	meta    map[string]any // uint64 or string, for the keys of wanted
	tensors []ggufTensor
}

type ggufTensor struct {
	name   string
	typ    ggmlType
	outer  uint64 // the outermost of three dimensions: experts
	elems  uint64
	bytes  uint64
	offset uint64
}

const ggufMagic = "GGUF"

// gguf reads the header of one GGUF file, version 2 or 3, little-endian.
func gguf(ctx context.Context, src io.ReaderAt, size uint64) (*ggufHeader, error) {
	g := ggufReader{c: newCursor(ctx, src, 0, int64(min(size, MaxGGUFBytes))), cut: size > MaxGGUFBytes}
	h, err := g.header(size)
	if g.cut && errors.Is(err, errShort) {
		err = &limitError{"header", MaxGGUFBytes}
	}
	return h, err
}

func (g *ggufReader) header(size uint64) (*ggufHeader, error) {
	var magic [4]byte
	if err := g.c.full(magic[:]); err != nil {
		return nil, err
	}
	if string(magic[:]) != ggufMagic {
		return nil, errors.New("not a GGUF file")
	}
	version, err := g.u32()
	if err != nil {
		return nil, err
	}
	if version != 2 && version != 3 {
		if bits.ReverseBytes32(version) <= 3 {
			return nil, errors.New("big-endian GGUF is not read")
		}
		return nil, fmt.Errorf("GGUF version %d, want 2 or 3", version)
	}
	tensors, err := g.count(MaxTensors, "tensors")
	if err != nil {
		return nil, err
	}
	keys, err := g.count(MaxKeys, "metadata keys")
	if err != nil {
		return nil, err
	}
	h := &ggufHeader{meta: map[string]any{}}
	if err := g.metadata(h, keys); err != nil {
		return nil, err
	}
	for i := range tensors {
		t, err := g.tensor()
		if err != nil {
			return nil, fmt.Errorf("tensor %d of %d: %w", i, tensors, err)
		}
		h.tensors = append(h.tensors, t)
	}
	return h, h.lay(uint64(g.c.pos()), size)
}

// tensor reads one tensor info: name, dimensions from the innermost, type, offset.
func (g *ggufReader) tensor() (t ggufTensor, err error) {
	if t.name, err = g.str(MaxNameBytes); err != nil {
		return t, err
	}
	rank, err := g.u32()
	if err != nil {
		return t, err
	}
	if rank > 4 {
		return t, fmt.Errorf("%s has %d dimensions, limit 4", printable(t.name), rank)
	}
	dims := []uint64{1, 1, 1, 1}
	for i := range rank {
		if dims[i], err = g.u64(); err != nil {
			return t, err
		}
	}
	number, err := g.u32()
	if err != nil {
		return t, err
	}
	if t.offset, err = g.u64(); err != nil {
		return t, err
	}
	var ok bool
	if t.typ, ok = ggmlByNumber(number); !ok {
		return t, fmt.Errorf("%s: unknown ggml type %d", printable(t.name), number)
	}
	t.outer = dims[2]
	if t.elems, err = product(dims); err != nil {
		return t, fmt.Errorf("%s: %w", printable(t.name), err)
	}
	if dims[0]%t.typ.block != 0 {
		return t, fmt.Errorf("%s: rows of %d weights are no blocks of %d", printable(t.name), dims[0], t.typ.block)
	}
	t.bytes = t.elems / t.typ.block * t.typ.bytes
	return t, nil
}

// lay demands distinct names, and data that lies one after the other from the
// aligned end of the header, padded to the alignment, as ggml's own reader does.
func (h *ggufHeader) lay(end, size uint64) error {
	align := uint64(32)
	if a, ok := h.meta["general.alignment"]; ok {
		align, _ = a.(uint64)
	}
	if align == 0 || align > MaxAlignment || align&(align-1) != 0 {
		return fmt.Errorf("alignment of %d", align)
	}
	pad := func(n uint64) uint64 { return (n + align - 1) &^ (align - 1) }
	order := make([]*ggufTensor, len(h.tensors))
	for i := range h.tensors {
		order[i] = &h.tensors[i]
	}
	slices.SortFunc(order, func(a, b *ggufTensor) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.bytes, b.bytes))
	})
	at, last := uint64(0), uint64(0)
	for _, t := range order {
		if t.offset != at {
			return fmt.Errorf("tensor %s begins at %d, the one before it ends at %d", printable(t.name), t.offset, at)
		}
		if last = at + t.bytes; last > size {
			return fmt.Errorf("tensor %s ends at byte %d of a file of %d", printable(t.name), last, size)
		}
		at = pad(last)
	}
	if begin := pad(end); last > 0 && (begin > size || last > size-begin) {
		return fmt.Errorf("tensors end at byte %d of a file of %d", begin+last, size)
	}
	slices.SortFunc(order, func(a, b *ggufTensor) int { return cmp.Compare(a.name, b.name) })
	for i, t := range order {
		if i > 0 && t.name == order[i-1].name {
			return fmt.Errorf("tensor %s twice", printable(t.name))
		}
	}
	return nil
}

// routed: a tensor of routed experts, stacked (_exps) or, in files before 2024, one for each expert.
func (t *ggufTensor) routed() bool {
	if strings.Contains(t.name, "_exps.") {
		return true
	}
	_, rest, ok := strings.Cut(t.name, ".ffn_")
	part := strings.Split(rest, ".")
	return ok && len(part) == 3 && part[2] == "weight" && part[1] != "" && strings.Trim(part[1], "0123456789") == ""
}
