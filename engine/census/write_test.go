package census_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// sparse is a file of a header and as many zeros as its size says: headers of
// whole models cost nothing here.
type sparse struct {
	head []byte
	size uint64
	read *int64 // bytes asked for, where it is counted
}

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), int64(s.size)-off)
	if s.read != nil {
		*s.read += max(n, 0)
	}
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	if off < int64(len(s.head)) {
		copy(p[:n], s.head[off:])
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func (s sparse) Close() error { return nil }

func (s sparse) file(path string) census.File {
	return census.File{Path: path, Size: s.size, Open: func(context.Context) (census.Source, error) { return s, nil }}
}

func text(path, content string) census.File {
	return sparse{head: []byte(content), size: uint64(len(content))}.file(path)
}

// st is one tensor of a safetensors file.
type st struct {
	name, dtype string
	shape       []uint64
}

func s(dims ...uint64) []uint64 {
	if dims == nil {
		return []uint64{}
	}
	return dims
}

var stBits = map[string]uint64{"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "I16": 16, "F16": 16, "BF16": 16,
	"I32": 32, "U32": 32, "F32": 32, "I64": 64, "F64": 64}

// safetensors writes a header as the reference library does.
func safetensors(list ...st) sparse {
	type entry struct {
		DType   string    `json:"dtype"`
		Shape   []uint64  `json:"shape"`
		Offsets [2]uint64 `json:"data_offsets"`
	}
	m, at := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, uint64(0)
	for _, t := range list {
		n := stBits[t.dtype]
		for _, d := range t.shape {
			n *= d
		}
		m[t.name] = entry{t.dtype, t.shape, [2]uint64{at, at + n/8}}
		at += n / 8
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return rawTensors(string(b), at)
}

func rawTensors(header string, data uint64) sparse {
	head := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	head = append(head, header...)
	return sparse{head: head, size: uint64(len(head)) + data}
}

// gt is one tensor of a GGUF file, dimensions from the innermost.
type gt struct {
	name string
	typ  uint32
	dims []uint64
}

// ggmlBlock are block size and bytes of ggml's types, written here once more.
var ggmlBlock = map[uint32][2]uint64{0: {1, 4}, 1: {1, 2}, 2: {32, 18}, 3: {32, 20}, 6: {32, 22}, 7: {32, 24}, 8: {32, 34}, 9: {32, 36}, 10: {256, 84},
	11: {256, 110}, 12: {256, 144}, 13: {256, 176}, 14: {256, 210}, 15: {256, 292}, 16: {256, 66}, 17: {256, 74}, 18: {256, 98}, 19: {256, 50},
	20: {32, 18}, 21: {256, 110}, 22: {256, 82}, 23: {256, 136}, 24: {1, 1}, 25: {1, 2}, 26: {1, 4}, 27: {1, 8}, 28: {1, 8}, 29: {256, 56},
	30: {1, 2}, 31: {32, 18}, 34: {256, 54}, 35: {256, 66}, 39: {32, 17}, 40: {64, 36}, 41: {128, 18}, 42: {64, 18}}

type kv struct {
	key string
	val any
}

type ggufFile struct {
	bytes.Buffer
}

func (g *ggufFile) num(v any) {
	if err := binary.Write(g, binary.LittleEndian, v); err != nil {
		panic(err)
	}
}

func (g *ggufFile) str(s string) { g.num(uint64(len(s))); g.WriteString(s) }

func (g *ggufFile) val(v any) {
	switch v := v.(type) {
	case uint16:
		g.num(uint32(2))
		g.num(v)
	case uint32:
		g.num(uint32(4))
		g.num(v)
	case int32:
		g.num(uint32(5))
		g.num(v)
	case float32:
		g.num(uint32(6))
		g.num(math.Float32bits(v))
	case bool:
		g.num(uint32(7))
		g.num(v)
	case string:
		g.num(uint32(8))
		g.str(v)
	case []string:
		g.num(uint32(9))
		g.num(uint32(8))
		g.num(uint64(len(v)))
		for _, s := range v {
			g.str(s)
		}
	case []float32:
		g.num(uint32(9))
		g.num(uint32(6))
		g.num(uint64(len(v)))
		g.num(v)
	default:
		panic(fmt.Sprintf("%T", v))
	}
}

func gguf(meta []kv, list ...gt) sparse { return ggufVersion(3, meta, list...) }

func ggufVersion(version uint32, meta []kv, list ...gt) sparse {
	var g ggufFile
	g.WriteString("GGUF")
	g.num(version)
	g.num(uint64(len(list)))
	g.num(uint64(len(meta)))
	align := uint64(32)
	for _, m := range meta {
		g.str(m.key)
		g.val(m.val)
		if a, ok := m.val.(uint32); ok && m.key == "general.alignment" {
			align = uint64(a)
		}
	}
	at := uint64(0)
	pad := func(n uint64) uint64 { return (n + align - 1) / align * align }
	for _, t := range list {
		g.str(t.name)
		g.num(uint32(len(t.dims)))
		n := uint64(1)
		for _, d := range t.dims {
			g.num(d)
			n *= d
		}
		g.num(t.typ)
		g.num(at)
		b := ggmlBlock[t.typ]
		at += pad(n / b[0] * b[1])
	}
	return sparse{head: g.Bytes(), size: pad(uint64(g.Len())) + at}
}

// must is a census of files that have one.
func must(t *testing.T, files ...census.File) (*census.Census, []attest.Absence) {
	t.Helper()
	c, absent := census.Read(context.Background(), files)
	if c == nil {
		t.Fatalf("no census: %v", absent)
	}
	b, err := attest.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := census.Parse(b); err != nil {
		t.Fatalf("a census of Read does not parse: %v", err)
	}
	if err := attest.CheckAbsences(absent); err != nil {
		t.Fatal(err)
	}
	return c, absent
}
