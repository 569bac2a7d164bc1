package census

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ggufReader reads the parts of a GGUF header. cut says that the cursor ends
// before the file does, so that a short read means a limit and not a bad file.
type ggufReader struct {
	c   *cursor
	cut bool
}

// The value types of GGUF metadata and the bytes of those with a fixed size.
const (
	ggufBool   = 7
	ggufString = 8
	ggufArray  = 9
)

var ggufSize = [13]uint64{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}

func (g *ggufReader) u32() (uint32, error) {
	var b [4]byte
	err := g.c.full(b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

func (g *ggufReader) u64() (uint64, error) {
	var b [8]byte
	err := g.c.full(b[:])
	return binary.LittleEndian.Uint64(b[:]), err
}

func (g *ggufReader) count(limit uint64, what string) (uint64, error) {
	n, err := g.u64()
	if err == nil && n > limit {
		err = &limitError{fmt.Sprintf("%d %s", n, what), limit}
	}
	return n, err
}

// str reads a text that is kept.
func (g *ggufReader) str(limit uint64) (string, error) {
	n, err := g.count(limit, "bytes of text")
	if err != nil {
		return "", err
	}
	if n > uint64(g.c.end-g.c.pos()) {
		return "", errShort
	}
	b := make([]byte, n)
	if err := g.c.full(b); err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", errors.New("text is not UTF-8")
	}
	return string(b), nil
}

// wanted are the metadata keys kept; the last three stand behind the architecture.
func wanted(key string) bool {
	switch key {
	case "general.architecture", "general.type", "general.file_type", "general.alignment", "split.no", "split.count", "split.tensors.count":
		return true
	}
	return strings.HasSuffix(key, ".expert_count") || strings.HasSuffix(key, ".expert_used_count")
}

func (g *ggufReader) metadata(h *ggufHeader, keys uint64) error {
	seen := map[string]bool{}
	for range keys {
		key, err := g.str(MaxKeyBytes)
		if err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		if seen[key] {
			return fmt.Errorf("metadata: key %s twice", printable(key))
		}
		seen[key] = true
		typ, err := g.u32()
		if err != nil {
			return err
		}
		if wanted(key) {
			h.meta[key], err = g.scalar(typ)
		} else {
			err = g.over(typ, 0)
		}
		if err != nil {
			return fmt.Errorf("metadata: key %s: %w", printable(key), err)
		}
	}
	return nil
}

// scalar reads a whole number or a text. Any other type under a wanted key is
// read over and counts as absent: an expert count for each layer has no one meaning.
func (g *ggufReader) scalar(typ uint32) (any, error) {
	if typ == ggufString {
		return g.str(MaxKeyBytes)
	}
	if typ >= uint32(len(ggufSize)) || ggufSize[typ] == 0 || typ == 6 || typ == ggufBool || typ == 12 {
		return nil, g.over(typ, 0)
	}
	var b [8]byte
	size := ggufSize[typ]
	if err := g.c.full(b[:size]); err != nil {
		return nil, err
	}
	signed := typ == 1 || typ == 3 || typ == 5 || typ == 11
	if n := binary.LittleEndian.Uint64(b[:]); !signed || b[size-1] < 0x80 {
		return n, nil
	}
	return nil, errors.New("negative number")
}

// over reads over a value.
func (g *ggufReader) over(typ uint32, depth int) error {
	switch {
	case typ == ggufString:
		n, err := g.count(MaxStringBytes, "bytes of text")
		if err != nil {
			return err
		}
		return g.c.skip(n)
	case typ == ggufArray:
		if depth >= MaxNesting {
			return &limitError{"array nesting", MaxNesting}
		}
		return g.overArray(depth + 1)
	case typ == ggufBool:
		b, err := g.c.next()
		if err == nil && b > 1 {
			err = fmt.Errorf("boolean of value %d", b)
		}
		return err
	case typ < uint32(len(ggufSize)):
		return g.c.skip(ggufSize[typ])
	}
	return fmt.Errorf("unknown value type %d", typ)
}

// overArray needs no limit on the count: elements of fixed size are skipped in
// one step within the file, others take at least eight bytes each.
func (g *ggufReader) overArray(depth int) error {
	typ, err := g.u32()
	if err != nil {
		return err
	}
	n, err := g.u64()
	if err != nil {
		return err
	}
	if n > uint64(g.c.end-g.c.pos()) {
		return errShort
	}
	if typ < uint32(len(ggufSize)) && ggufSize[typ] > 0 {
		return g.c.skip(n * ggufSize[typ])
	}
	for range n {
		if err := g.over(typ, depth); err != nil {
			return err
		}
	}
	return nil
}
