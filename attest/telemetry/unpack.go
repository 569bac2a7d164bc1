package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// source reads columns.
type source struct{ b []byte }

func (s *source) uvarint(limit uint64) (int, error) {
	v, n := binary.Uvarint(s.b)
	if n <= 0 || v > limit {
		return 0, errShort
	}
	s.b = s.b[n:]
	return int(v), nil
}

func (s *source) bytes(limit int) ([]byte, error) {
	n, err := s.uvarint(uint64(min(limit, len(s.b))))
	if err != nil || n > len(s.b) {
		return nil, errShort
	}
	out := s.b[:n]
	s.b = s.b[n:]
	return out, nil
}

// column reads n values. Each takes a byte at least, so n is bounded by what is there.
func (s *source) column(n int) ([]int64, error) {
	if len(s.b) < n+1 || s.b[0] != 1 && s.b[0] != 2 {
		return nil, errShort
	}
	second := s.b[0] == 2
	s.b = s.b[1:]
	out := make([]int64, n)
	var last, step int64
	for i := range out {
		d, k := binary.Varint(s.b)
		if k <= 0 {
			return nil, errShort
		}
		s.b = s.b[k:]
		if second {
			d += step
			step = d
		}
		last += d
		out[i] = last
	}
	return out, nil
}

// tableOf reads a table; values are decoded with parse.
func tableOf[T any](s *source, most int, parse func([]byte) (T, error)) ([]T, error) {
	n, err := s.uvarint(uint64(min(most, len(s.b))))
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, n)
	for range n {
		b, err := s.bytes(MaxRecord)
		if err != nil {
			return nil, err
		}
		v, err := parse(b)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func parseShape(b []byte) (shape, error) {
	var s shape
	if err := attest.Unmarshal(b, &s, MaxRecord); err != nil {
		return nil, fmt.Errorf("shape: %w", err)
	}
	if len(s) > MaxDevices {
		return nil, fmt.Errorf("shape of %d GPUs, limit %d", len(s), MaxDevices)
	}
	for _, d := range s {
		if len(d.Fields) > MaxValues {
			return nil, fmt.Errorf("shape: %d values, limit %d", len(d.Fields), MaxValues)
		}
	}
	return s, nil
}

func (s shape) cells() int {
	n := len(s)
	for _, d := range s {
		n += len(d.Fields)
	}
	return n
}

func parseRest(b []byte) (rest, error) {
	var r rest
	if err := attest.Unmarshal(b, &r, MaxRecord); err != nil {
		return r, fmt.Errorf("rest: %w", err)
	}
	return r, nil
}

// unpack rebuilds count records. It promises nothing of their order or limits: the
// caller encodes each, which checks them, and compares the hash.
func unpack(columns []byte, count int) ([]*Record, error) {
	s := &source{columns}
	shapes, err := tableOf(s, count, parseShape)
	if err != nil {
		return nil, err
	}
	rests, err := tableOf(s, count, parseRest)
	if err != nil {
		return nil, err
	}
	var fixed [4][]int64
	for i := range fixed {
		if fixed[i], err = s.column(count); err != nil {
			return nil, err
		}
	}
	records := make([]*Record, count)
	cells := 0
	for i := range records {
		sn, rn := fixed[2][i], fixed[3][i]
		if sn < 0 || sn >= int64(len(shapes)) || rn < 0 || rn >= int64(len(rests)) || fixed[0][i] < 0 || fixed[1][i] < 0 {
			return nil, errors.New("a record names a shape or rest that is not there, or a time below zero")
		}
		if cells += shapes[sn].cells(); cells > MaxCells {
			return nil, fmt.Errorf("more than %d values", MaxCells)
		}
		if records[i], err = frame(shapes[sn], rests[rn]); err != nil {
			return nil, err
		}
		records[i].At, records[i].Uptime = uint64(fixed[0][i]), uint64(fixed[1][i])
	}
	if err := fill(s, records, shapes, fixed[2]); err != nil {
		return nil, err
	}
	if len(s.b) != 0 {
		return nil, fmt.Errorf("%d bytes behind the columns", len(s.b))
	}
	return records, nil
}

// frame is a record of a shape, without times and values.
func frame(s shape, q rest) (*Record, error) {
	if len(q.Processes) > len(s) || len(q.UUIDs) > len(s) {
		return nil, errors.New("processes or UUID of a GPU that is not there")
	}
	r := &Record{Devices: make([]Device, len(s)), Absent: q.Absent, Facts: q.Facts, Marks: q.Marks}
	for i, d := range s {
		r.Devices[i].Key = d.Key
		if i < len(q.Processes) {
			r.Devices[i].Processes = q.Processes[i]
		}
		if i < len(q.UUIDs) {
			r.Devices[i].UUID = q.UUIDs[i]
		}
	}
	return r, nil
}

// fill reads the columns of values in the order in which the records first have them.
func fill(s *source, records []*Record, shapes []shape, which []int64) error {
	l := newLayout()
	var uses []int // of each column
	total := 0
	for _, n := range which {
		columns := l.of(int(n), shapes[n])
		for _, c := range columns {
			if c == len(uses) {
				uses = append(uses, 0)
			}
			uses[c]++
		}
		if total += len(columns); total > len(s.b) {
			return errShort // each value takes a byte at least
		}
	}
	columns := make([][]int64, len(uses))
	for c, n := range uses {
		var err error
		if columns[c], err = s.column(n); err != nil {
			return err
		}
	}
	for i, r := range records {
		from := l.of(int(which[i]), shapes[which[i]])
		for j, d := range shapes[which[i]] {
			values := make(Values, 0, 2*len(d.Fields))
			for k, f := range d.Fields {
				c := from[k]
				values = append(values, int64(f), columns[c][0])
				columns[c] = columns[c][1:]
			}
			r.Devices[j].Values, from = values, from[len(d.Fields):]
		}
	}
	return nil
}
