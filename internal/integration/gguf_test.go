package integration

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	parser "github.com/gpustack/gguf-parser-go"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// kind is a type of ggml that both readers know: numbers and bytes of a block
// (ggml/src/ggml-common.h), and what a census calls it.
type kind struct {
	number       uint32
	block, bytes uint64
	name         string
}

var kinds = []kind{
	{0, 1, 4, "f32"}, {1, 1, 2, "f16"}, {30, 1, 2, "bf16"}, {28, 1, 8, "f64"},
	{2, 32, 18, "q4_0"}, {3, 32, 20, "q4_1"}, {6, 32, 22, "q5_0"}, {7, 32, 24, "q5_1"}, {8, 32, 34, "q8_0"},
	{10, 256, 84, "q2_k"}, {11, 256, 110, "q3_k"}, {12, 256, 144, "q4_k"}, {13, 256, 176, "q5_k"}, {14, 256, 210, "q6_k"}, {15, 256, 292, "q8_k"},
	{16, 256, 66, "iq2_xxs"}, {17, 256, 74, "iq2_xs"}, {18, 256, 98, "iq3_xxs"}, {19, 256, 50, "iq1_s"}, {20, 32, 18, "iq4_nl"},
	{21, 256, 110, "iq3_s"}, {22, 256, 82, "iq2_s"}, {23, 256, 136, "iq4_xs"}, {29, 256, 56, "iq1_m"},
	{34, 256, 54, "tq1_0"}, {35, 256, 66, "tq2_0"}, {39, 32, 17, "mxfp4"},
}

// count is what both readers must agree on, by type.
type count struct{ tensors, parameters, bytes uint64 }

// gguf is a random file; end is where its header ends.
type gguf struct {
	bytes []byte
	end   int
}

type writer struct{ b []byte }

func (w *writer) u32(n uint32) { w.b = binary.LittleEndian.AppendUint32(w.b, n) }
func (w *writer) u64(n uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, n) }
func (w *writer) text(s string) {
	w.u64(uint64(len(s)))
	w.b = append(w.b, s...)
}

// random writes a file of version 3 (ggml/docs/gguf.md).
func random(r *rand.Rand) gguf {
	w := &writer{b: []byte("GGUF")}
	n := 1 + r.IntN(24)
	alignment := uint64(8) << r.IntN(6)
	metadata := []func(){
		func() { w.text("general.architecture"); w.u32(8); w.text("llama") },
		func() { w.text("general.alignment"); w.u32(4); w.u32(uint32(alignment)) },
	}
	for i := range r.IntN(6) {
		metadata = append(metadata, func() { w.value(r, "test.key."+strconv.Itoa(i)) })
	}
	w.u32(3)
	w.u64(uint64(n))
	w.u64(uint64(len(metadata)))
	r.Shuffle(len(metadata), func(i, j int) { metadata[i], metadata[j] = metadata[j], metadata[i] })
	for _, f := range metadata {
		f()
	}
	at := uint64(0)
	for i := range n {
		k := kinds[r.IntN(len(kinds))]
		w.text(fmt.Sprintf("blk.%d.ffn_up_%d.weight", r.IntN(8), i))
		shape := []uint64{k.block * (1 + r.Uint64N(4))}
		for range r.IntN(3) {
			shape = append(shape, 1+r.Uint64N(5))
		}
		elements := uint64(1)
		w.u32(uint32(len(shape)))
		for _, d := range shape {
			w.u64(d)
			elements *= d
		}
		w.u32(k.number)
		w.u64(at)
		at += elements / k.block * k.bytes
		at += (alignment - at%alignment) % alignment
	}
	end := len(w.b)
	pad := (int(alignment) - end%int(alignment)) % int(alignment)
	return gguf{append(w.b, make([]byte, pad+int(at))...), end}
}

// value writes one pair of any type but arrays of arrays.
func (w *writer) value(r *rand.Rand, key string) {
	w.text(key)
	switch r.IntN(5) {
	case 0:
		w.u32(7) // bool
		w.b = append(w.b, byte(r.IntN(2)))
	case 1:
		w.u32(10) // uint64
		w.u64(r.Uint64())
	case 2:
		w.u32(8)
		w.text(key)
	case 3:
		w.u32(9) // array of strings
		w.u32(8)
		n := r.IntN(40)
		w.u64(uint64(n))
		for i := range n {
			w.text("token" + strconv.Itoa(i))
		}
	case 4:
		w.u32(9) // array of int32
		w.u32(5)
		n := r.IntN(40)
		w.u64(uint64(n))
		for range n {
			w.u32(r.Uint32())
		}
	}
}

func ours(ctx context.Context, name string, size int) (*census.Census, []attest.Absence) {
	return census.Read(ctx, []census.File{{Path: filepath.Base(name), Size: uint64(size), Open: func(context.Context) (census.Source, error) { return os.Open(name) }}})
}

func theirs(name string) (map[string]count, error) {
	f, err := parser.ParseGGUFFile(name)
	if err != nil {
		return nil, err
	}
	out := map[string]count{}
	for _, t := range f.TensorInfos {
		for _, k := range kinds {
			if k.number == uint32(t.Type) {
				c := out[k.name]
				out[k.name] = count{c.tensors + 1, c.parameters + t.Elements(), c.bytes + t.Bytes()}
			}
		}
	}
	return out, nil
}

// TestGGUFIsReadAsByAnotherReader holds our reader of headers against
// gguf-parser-go's. HALLMARK_GGUF_FILES and HALLMARK_GGUF_SEED choose how many files and which.
func TestGGUFIsReadAsByAnotherReader(t *testing.T) {
	files, seed := number(t, "HALLMARK_GGUF_FILES", 300), number(t, "HALLMARK_GGUF_SEED", uint64(time.Now().UnixNano()))
	t.Logf("%d files, HALLMARK_GGUF_SEED=%d", files, seed)
	r := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]bool{}
	name := filepath.Join(t.TempDir(), "model.gguf")
	for i := range files {
		g := random(r)
		write(t, name, g.bytes)
		got, absent := ours(t.Context(), name, len(g.bytes))
		want, err := theirs(name)
		if err != nil || got == nil {
			t.Fatalf("file %d: they say %v, we say %+v", i, err, absent)
		}
		if got.UnknownTensors > 0 || len(got.ByType) != len(want) {
			t.Fatalf("file %d: we say %+v, they say %v", i, got, want)
		}
		for _, c := range got.ByType {
			if have := (count{c.Tensors, c.Parameters, c.StorageBytes}); have != want[c.Type] {
				t.Fatalf("file %d, %s: we say %v, they say %v", i, c.Type, have, want[c.Type])
			}
			seen[c.Type] = true
		}

		cut := r.IntN(g.end)
		write(t, name, g.bytes[:cut])
		if got, absent := ours(t.Context(), name, cut); got != nil || len(absent) == 0 {
			t.Fatalf("file %d cut to %d bytes: %+v", i, cut, got)
		}
	}
	if files >= 300 && len(seen) != len(kinds) {
		t.Errorf("%d of %d types were compared", len(seen), len(kinds))
	}
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
