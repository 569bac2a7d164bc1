package census_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// refused wants no census and an absence that names the file.
func refused(t *testing.T, reason attest.Reason, detail string, files ...census.File) {
	t.Helper()
	c, absent := census.Read(context.Background(), files)
	if c != nil || len(absent) == 0 {
		t.Fatalf("census %+v, absences %v", c, absent)
	}
	if err := attest.CheckAbsences(absent); err != nil {
		t.Error(err)
	}
	if a := absent[0]; a.What != "census" || a.Reason != reason || !strings.Contains(a.Detail, detail) {
		t.Errorf("absence %v, want %s: %q", a, reason, detail)
	}
}

const one = `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`

func TestSafetensorsRejects(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		data   uint64
		want   string
	}{
		"a gap at the end":           {`{` + one + `}`, 9, "end at byte 8 of 9"},
		"data beyond the file":       {`{` + one + `}`, 7, "end at byte 8 of 7"},
		"overlapping tensors":        {`{` + one + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12, "begins at 4"},
		"a gap between":              {`{` + one + `,"b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}}`, 20, "begins at 12"},
		"a tensor twice":             {`{` + one + `,"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}`, 16, "stands in"},
		"a size that is not its own": {`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, 8, "3 elements of 32 bits in 8 bytes"},
		"half a byte":                {`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1, "3 elements of 4 bits"},
		"falling offsets":            {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8, "rising"},
		"three offsets":              {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}`, 8, "limit"},
		"one offset":                 {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}`, 8, "not two"},
		"no shape":                   {`{"a":{"dtype":"F32","data_offsets":[0,8]}}`, 8, "needs"},
		"shape twice":                {`{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}`, 8, "twice"},
		"an unknown key":             {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, 8, "unknown key"},
		"a shape of terabytes":       {`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8, "larger than any file"},
		"a number of 2^63":           {`{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}`, 8, "63 bits"},
		"a negative number":          {`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8, "whole number"},
		"a float":                    {`{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}`, 8, "whole number"},
		"an exponent":                {`{"a":{"dtype":"F32","shape":[2e0],"data_offsets":[0,8]}}`, 8, "whole number"},
		"a leading zero":             {`{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}`, 8, "leading zero"},
		"17 dimensions":              {`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}`, 8, "limit"},
		"a shape of shapes":          {`{"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}`, 8, "whole number"},
		"bytes that are not UTF-8":   {"{\"\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "UTF-8"},
		"a lone surrogate":           {`{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8, "surrogate"},
		"a broken surrogate pair":    {`{"\ud800\u0041":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8, "surrogate"},
		"a control character":        {"{\"a\n\":{}}", 8, "control"},
		"a long name":                {`{"` + strings.Repeat("n", census.MaxNameBytes+1) + `":{}}`, 8, "limit"},
		"metadata twice":             {`{"__metadata__":{},"__metadata__":{},` + one + `}`, 8, "twice"},
		"a metadata key twice":       {`{"__metadata__":{"a":"","a":""},` + one + `}`, 8, "twice"},
		"metadata that is no text":   {`{"__metadata__":{"a":1},` + one + `}`, 8, "expected"},
		"a list":                     {`[]`, 0, "expected"},
		"two documents":              {`{` + one + `} {}`, 8, "after the end"},
		"an open object":             {`{` + one, 8, "ends within"},
		"nothing":                    {``, 0, "ends within"},
	} {
		t.Run(name, func(t *testing.T) {
			why := attest.Failed
			if c.want == "limit" {
				why = attest.Oversize
			}
			refused(t, why, c.want, rawTensors(c.header, c.data).file("model.safetensors"))
			refused(t, why, "model.safetensors", rawTensors(c.header, c.data).file("model.safetensors"))
		})
	}
}

// TestSafetensorsAcceptsPaddingAndEscapes: what the reference library writes and reads.
func TestSafetensorsAcceptsPaddingAndEscapes(t *testing.T) {
	c, _ := must(t, rawTensors(`{"__metadata__":{"x":"\u00e4\ud83d\ude00\n"},"\u0061":{"shape":[],"dtype":"F32","data_offsets":[0,4]},"e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]}}     `, 4).file("x.safetensors"))
	if c.Parameters != 1 || c.Tensors != 2 {
		t.Errorf("%+v", c)
	}
}

// TestHeadersThatClaimTerabytesCostNothing: the lengths lie, and memory and reads stay small.
func TestHeadersThatClaimTerabytesCostNothing(t *testing.T) {
	long := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	ggufHead := func(tensors, keys uint64, rest ...byte) []byte {
		b := append([]byte("GGUF\x03\x00\x00\x00"), long(tensors)...)
		return append(append(b, long(keys)...), rest...)
	}
	str := func(n uint64) []byte { return append(long(1), append([]byte("k\x08\x00\x00\x00"), long(n)...)...) }
	arr := func(typ byte, n uint64) []byte {
		return append(long(1), append([]byte("k\x09\x00\x00\x00"), append([]byte{typ, 0, 0, 0}, long(n)...)...)...)
	}
	for name, c := range map[string]struct {
		path string
		head []byte
		size uint64
		why  attest.Reason
	}{
		"header of 2^63 bytes":         {"a.safetensors", long(1 << 63), 1 << 40, attest.Failed},
		"header of a terabyte":         {"a.safetensors", long(1 << 40), 1 << 41, attest.Oversize},
		"header of zeros":              {"a.safetensors", long(census.MaxHeaderBytes), 1 << 41, attest.Failed},
		"file over the limit":          {"a.safetensors", long(2), 1<<46 + 1, attest.Oversize},
		"2^63 tensors":                 {"a.gguf", ggufHead(1<<63, 0), 1 << 40, attest.Oversize},
		"2^63 keys":                    {"a.gguf", ggufHead(0, 1<<63), 1 << 40, attest.Oversize},
		"a key of 2^63 bytes":          {"a.gguf", ggufHead(0, 1, long(1<<63)...), 1 << 40, attest.Oversize},
		"a text of 2^63 bytes":         {"a.gguf", ggufHead(0, 1, str(1<<63)...), 1 << 40, attest.Oversize},
		"an array of 2^63 numbers":     {"a.gguf", ggufHead(0, 1, arr(4, 1<<63)...), 1 << 40, attest.Oversize},
		"an array of 2^40 empty texts": {"a.gguf", ggufHead(0, 1, arr(8, 1<<40)...), 1 << 41, attest.Oversize},
		"an array of 2^25 empty texts": {"a.gguf", ggufHead(1, 1, arr(8, 1<<25)...), 1 << 41, attest.Oversize},
		"a small file":                 {"a.gguf", ggufHead(1, 1, arr(8, 1<<30)...), 1 << 20, attest.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			read := int64(0)
			start := time.Now()
			runtime.ReadMemStats(&before)
			refused(t, c.why, c.path, sparse{head: c.head, size: c.size, read: &read}.file(c.path))
			runtime.ReadMemStats(&after)
			if after.TotalAlloc-before.TotalAlloc > 4<<20 || read > census.MaxGGUFBytes || time.Since(start) > 10*time.Second {
				t.Errorf("%d bytes allocated, %d read, %v", after.TotalAlloc-before.TotalAlloc, read, time.Since(start))
			}
		})
	}
}

func TestGGUFRejects(t *testing.T) {
	plain := gguf(nil, gt{"a.weight", 0, s(8)})
	patched := func(at int, with ...byte) sparse {
		p := plain
		p.head = append([]byte{}, p.head...)
		copy(p.head[at:], with)
		return p
	}
	overlap := gguf(nil, gt{"a.weight", 0, s(8)}, gt{"b.weight", 0, s(8)})
	clear(overlap.head[len(overlap.head)-8:]) // the second begins where the first does
	truth := gguf([]kv{{"x", true}})
	truth.head[len(truth.head)-1] = 2
	var round []gt // together 2^64 bytes
	for i := range 64 {
		round = append(round, gt{fmt.Sprint(i), 28, s(1<<28, 1<<27)})
	}
	offset := 4 + 4 + 8 + 8 + 8 + len("a.weight") + 4 + 8 + 4
	nested := append([]byte("GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00k\x09\x00\x00\x00"),
		[]byte(strings.Repeat("\x09\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00", 100))...)
	for name, c := range map[string]struct {
		file sparse
		want string
	}{
		"another magic":            {patched(0, 'X'), "not a GGUF"},
		"version 1":                {patched(4, 1), "version 1"},
		"version 4":                {patched(4, 4), "version 4"},
		"big-endian":               {patched(4, 0, 0, 0, 3), "big-endian"},
		"an unknown type":          {patched(offset-4, 99), "unknown ggml type 99"},
		"a removed type":           {patched(offset-4, 4), "unknown ggml type 4"},
		"a broken block":           {patched(offset-4, 2), "no blocks of 32"},
		"an offset beyond":         {patched(offset, 32), "begins at 32"},
		"five dimensions":          {patched(offset-4-8-4, 5), "limit 4"},
		"a name not in UTF-8":      {patched(32, 0xff), "UTF-8"},
		"truncated data":           {sparse{head: plain.head, size: plain.size - 1}, "of a file of"},
		"truncated in its header":  {sparse{head: plain.head[:60], size: 60}, "ends within"},
		"a boolean of two":         {truth, "boolean of value 2"},
		"sizes that wrap around":   {gguf(nil, round...), "of a file of"},
		"an alignment of 2^31":     {gguf([]kv{{"general.alignment", uint32(1 << 31)}}, gt{"a", 0, s(8)}), "alignment of"},
		"tensors over each other":  {overlap, "the one before it ends at 32"},
		"equal names":              {gguf(nil, gt{"a", 0, s(8)}, gt{"a", 0, s(8)}), "twice"},
		"a key twice":              {gguf([]kv{{"k", "a"}, {"k", "b"}}), "twice"},
		"an alignment of three":    {gguf([]kv{{"general.alignment", uint32(3)}}, gt{"a", 0, s(8)}), "alignment of 3"},
		"an alignment of text":     {gguf([]kv{{"general.alignment", "x"}}, gt{"a", 0, s(8)}), "alignment of 0"},
		"a negative count":         {gguf([]kv{{"llama.expert_count", int32(-1)}}, gt{"a", 0, s(8)}), "negative"},
		"arrays a hundred deep":    {sparse{head: nested, size: 1 << 20}, "nesting"},
		"a shape of 2^60 weights":  {sparse{head: gguf(nil, gt{"a", 24, s(1<<30, 1<<30)}).head, size: 1 << 20}, "larger than any file"},
		"a tensor of 2^50 weights": {sparse{head: gguf(nil, gt{"a", 24, s(1<<25, 1<<25)}).head, size: 1 << 20}, "of a file of"},
	} {
		t.Run(name, func(t *testing.T) {
			why := attest.Failed
			if c.want == "nesting" {
				why = attest.Oversize
			}
			refused(t, why, c.want, c.file.file("m.gguf"))
		})
	}
	for _, v := range []uint32{2, 3} {
		if c, _ := must(t, ggufVersion(v, []kv{{"general.alignment", uint32(64)}, {"x", true}, {"y", []string{"a", ""}}, {"z", []float32{1}}}, gt{"a", 0, s(8)}, gt{"b", 2, s(32)}).file("m.gguf")); c.Parameters != 40 {
			t.Errorf("version %d: %+v", v, c)
		}
	}
}

// TestFilesThatCannotBeRead: each way has its own reason, and the file's name.
func TestFilesThatCannotBeRead(t *testing.T) {
	failing := func(err error) census.File {
		return census.File{Path: "m.gguf", Size: 100, Open: func(context.Context) (census.Source, error) { return nil, err }}
	}
	refused(t, attest.NotPermitted, "m.gguf", failing(fs.ErrPermission))
	refused(t, attest.NotPresent, "m.gguf", failing(fs.ErrNotExist))
	refused(t, attest.Failed, "m.gguf: no light", failing(errors.New("no light")))
	short := gguf(nil, gt{"a", 0, s(8)})
	short.head, short.size = short.head[:40], 40
	f := short.file("m.gguf")
	f.Size = 4000
	refused(t, attest.Changed, "shorter than its size", f)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if c, absent := census.Read(ctx, []census.File{short.file("m.gguf")}); c != nil || len(absent) != 1 || absent[0].Reason != attest.Timeout {
		t.Errorf("after the context: %v, %v", c, absent)
	}
}

// TestEveryBadShardIsNamed: one bad file does not hide another.
func TestEveryBadShardIsNamed(t *testing.T) {
	bad := rawTensors(`{}`, 1)
	c, absent := census.Read(context.Background(), []census.File{bad.file("a.safetensors"), safetensors(st{"x", "F32", s(1)}).file("b.safetensors"), bad.file("c.safetensors")})
	if c != nil || len(absent) != 2 || !strings.Contains(absent[0].Detail, "a.safetensors") || !strings.Contains(absent[1].Detail, "c.safetensors") {
		t.Errorf("%v %v", c, absent)
	}
	var many []census.File
	for i := range 100 {
		many = append(many, bad.file(fmt.Sprintf("%d.safetensors", i)))
	}
	if _, absent := census.Read(context.Background(), many); len(absent) > 16 {
		t.Errorf("%d absences", len(absent))
	}
}

// TestLimitsOfAWholeModelHold: many files within the limits of one are still bounded.
func TestLimitsOfAWholeModelHold(t *testing.T) {
	refused(t, attest.Oversize, "a.safetensors: header: over", sparse{head: binary.LittleEndian.AppendUint64(nil, census.MaxHeaderBytes+1), size: 1 << 40}.file("a.safetensors"))

	blank := rawTensors("{}"+strings.Repeat(" ", census.MaxTotalBytes/4), 0)
	refused(t, attest.Oversize, "d.safetensors: headers together", blank.file("a.safetensors"), blank.file("b.safetensors"), blank.file("c.safetensors"), blank.file("d.safetensors"))

	var list strings.Builder
	for i := range census.MaxTensors + 1 {
		fmt.Fprintf(&list, `,"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`, i)
	}
	refused(t, attest.Oversize, "tensors of the model", rawTensors("{"+list.String()[1:]+"}", 0).file("a.safetensors"))

	half := make([]gt, census.MaxTensors/2+1)
	for i := range half {
		half[i] = gt{fmt.Sprintf("%x", i), 0, s(0)}
	}
	part := gguf(nil, half...)
	refused(t, attest.Oversize, "b.gguf: tensors of the model", part.file("a.gguf"), part.file("b.gguf"))
}

// slow is a file whose reads and closes are counted, and whose first read ends the context.
type slow struct {
	sparse
	cancel        func()
	reads, closes *int
}

func (s slow) ReadAt(p []byte, off int64) (int, error) {
	*s.reads++
	if *s.reads == 2 { // the length, then the first part of the header
		s.cancel()
	}
	return s.sparse.ReadAt(p, off)
}

func (s slow) Close() error { *s.closes++; return nil }

// TestContextEndsReadingWithinAHeader: and the file is closed.
func TestContextEndsReadingWithinAHeader(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	reads, closes := 0, 0
	f := slow{rawTensors("{}"+strings.Repeat(" ", 1<<20), 0), cancel, &reads, &closes}
	c, absent := census.Read(ctx, []census.File{{Path: "a.safetensors", Size: f.size, Open: func(context.Context) (census.Source, error) { return f, nil }}})
	if c != nil || len(absent) != 1 || absent[0].Reason != attest.Timeout || reads != 2 || closes != 1 {
		t.Errorf("%v, %v, %d reads, closed %d times", c, absent, reads, closes)
	}
}
