package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// tree is a JSON document read strictly: no duplicate member, no null, no byte behind it.
// Objects become map[string]any, arrays []any, numbers float64.
func tree(b []byte) (any, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	v, err := value(dec, 0)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("bytes behind the value")
	}
	return v, nil
}

func value(dec *json.Decoder, depth int) (any, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if depth == MaxDepth {
			return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
		}
		if t == '{' {
			return object(dec, depth)
		}
		return array(dec, depth)
	case json.Number:
		f, err := strconv.ParseFloat(t.String(), 64)
		if err != nil {
			return nil, fmt.Errorf("number %.40s: out of range", t)
		}
		return f + 0, nil
	case nil:
		return nil, errors.New("null: leave the member out")
	}
	return t, nil
}

func object(dec *json.Decoder, depth int) (any, error) {
	m := map[string]any{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := k.(string)
		if _, twice := m[name]; !ok || twice {
			return nil, fmt.Errorf("member %.80q stands twice", name)
		}
		if m[name], err = value(dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return m, err
}

func array(dec *json.Decoder, depth int) (any, error) {
	a := []any{}
	for dec.More() {
		v, err := value(dec, depth+1)
		if err != nil {
			return nil, err
		}
		a = append(a, v)
	}
	_, err := dec.Token()
	return a, err
}
