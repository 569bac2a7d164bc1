package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// The columns of a chunk, before compression:
//
//	u(x)  unsigned varint (LEB128), s(x) the same of a zigzag-folded difference
//
//	u(shapes)  then each shape:  u(bytes) CBOR [ * [ key, [ * field ] ] ]
//	u(rests)   then each rest:   u(bytes) CBOR { "p": processes by GPU, "u": UUIDs by GPU, "a": absences, "f": facts, "m": marks }
//	column of times, column of uptimes, column of shape numbers, column of rest numbers
//	then for each (key, field), in the order in which the shapes first have it:
//	           the column of its values in those records whose shape has it
//	a column:  one byte, 1 or 2, then s of its values' first or second differences, from 0,
//	           modulo 2^64
//
// Records of one host are alike: there are two shapes, with and without what is read
// once a minute, and a few rests.

// shape is which values a record has.
type shape []shapeDevice

type shapeDevice struct {
	_      struct{} `cbor:",toarray"`
	Key    string
	Fields []uint32
}

// rest is what of a record is no number in a column.
type rest struct {
	Processes [][]Process      `cbor:"p,omitempty"` // by GPU, empty at the end left out
	UUIDs     []string         `cbor:"u,omitempty"` // the same
	Absent    []attest.Absence `cbor:"a,omitempty"`
	Facts     []Fact           `cbor:"f,omitempty"`
	Marks     []attest.Digest  `cbor:"m,omitempty"`
}

// place is one column of values.
type place struct {
	key   string
	field uint32
}

// layout numbers columns in the order in which records first have them, and knows
// those of a shape once it was seen: a record costs no look-up.
type layout struct {
	numbers map[place]int
	shapes  map[int][]int // by number of the shape: its columns
}

func newLayout() *layout { return &layout{map[place]int{}, map[int][]int{}} }

func (l *layout) of(n int, s shape) []int {
	if c, ok := l.shapes[n]; ok {
		return c
	}
	c := make([]int, 0, s.cells()-len(s))
	for _, d := range s {
		for _, f := range d.Fields {
			at := place{d.Key, f}
			i, ok := l.numbers[at]
			if !ok {
				i = len(l.numbers)
				l.numbers[at] = i
			}
			c = append(c, i)
		}
	}
	l.shapes[n] = c
	return c
}

var errShort = errors.New("columns end early")

func shapeOf(r *Record) shape {
	s := make(shape, len(r.Devices))
	for i, d := range r.Devices {
		s[i] = shapeDevice{Key: d.Key, Fields: make([]uint32, 0, len(d.Values)/2)}
		for f := range d.Values.All {
			s[i].Fields = append(s[i].Fields, uint32(f))
		}
	}
	return s
}

func restOf(r *Record) rest {
	out := rest{Absent: r.Absent, Facts: r.Facts, Marks: r.Marks}
	for i, d := range r.Devices {
		if len(d.Processes) > 0 {
			out.Processes = append(append(out.Processes, make([][]Process, i-len(out.Processes))...), d.Processes)
		}
		if d.UUID != "" {
			out.UUIDs = append(append(out.UUIDs, make([]string, i-len(out.UUIDs))...), d.UUID)
		}
	}
	return out
}

// table numbers distinct encodings in the order of their first use.
type table struct {
	all  [][]byte
	seen map[string]uint64
}

func (t *table) number(v any) (uint64, error) {
	b, err := attest.Marshal(v)
	if err != nil {
		return 0, fmt.Errorf("telemetry columns: %w", err)
	}
	if n, ok := t.seen[string(b)]; ok {
		return n, nil
	}
	if t.seen == nil {
		t.seen = map[string]uint64{}
	}
	n := uint64(len(t.all))
	t.all, t.seen[string(b)] = append(t.all, b), n
	return n, nil
}

func (t *table) append(out []byte) []byte {
	out = binary.AppendUvarint(out, uint64(len(t.all)))
	for _, b := range t.all {
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	return out
}

// pack writes the columns of records.
func pack(records []*Record) ([]byte, error) {
	var shapes, rests table
	l := newLayout()
	var values [][]int64
	fixed := make([][]int64, 4) // times, uptimes, shapes, rests
	cells := 0
	for _, r := range records {
		form := shapeOf(r)
		if cells += form.cells(); cells > MaxCells {
			return nil, fmt.Errorf("telemetry columns: more than %d values", MaxCells)
		}
		s, err := shapes.number(form)
		if err != nil {
			return nil, err
		}
		q, err := rests.number(restOf(r))
		if err != nil {
			return nil, err
		}
		for i, v := range []int64{int64(r.At), int64(r.Uptime), int64(s), int64(q)} {
			fixed[i] = append(fixed[i], v)
		}
		columns := l.of(int(s), form)
		for _, d := range r.Devices {
			for i := 1; i < len(d.Values); i += 2 {
				if columns[0] == len(values) {
					values = append(values, nil)
				}
				values[columns[0]] = append(values[columns[0]], d.Values[i])
				columns = columns[1:]
			}
		}
	}
	out := rests.append(shapes.append(nil))
	for _, c := range fixed {
		out = appendColumn(out, c)
	}
	for _, c := range values {
		out = appendColumn(out, c)
	}
	if len(out) > MaxColumns {
		return nil, fmt.Errorf("telemetry columns: %d bytes, limit %d", len(out), MaxColumns)
	}
	return out, nil
}

// appendColumn writes the first or second differences, whichever are shorter: a
// counter under even load has second differences near zero. They wrap, as both sides do.
func appendColumn(out []byte, column []int64) []byte {
	first := appendDifferences([]byte{1}, column, 1)
	second := appendDifferences([]byte{2}, column, 2)
	if len(second) < len(first) {
		first = second
	}
	return append(out, first...)
}

func appendDifferences(out []byte, column []int64, order int) []byte {
	var last, step int64
	for _, v := range column {
		d := v - last
		last = v
		if order == 2 {
			d, step = d-step, d
		}
		out = binary.AppendVarint(out, d)
	}
	return out
}
