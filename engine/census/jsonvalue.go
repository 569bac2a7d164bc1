package census

import (
	"errors"
	"strconv"
	"strings"
)

// number is a JSON number as written; a config's floats are never computed with.
type number string

// value reads one value of any kind as map[string]any, []any, string, number,
// bool or nil. nodes counts down: it bounds memory where depth and length do not.
func (s *scanner) value(nodes *int) (any, error) {
	if *nodes--; *nodes < 0 {
		return nil, &limitError{"json values", MaxNodes}
	}
	b, err := s.token()
	if err != nil {
		return nil, err
	}
	switch b {
	case '{':
		m := map[string]any{}
		return m, s.object(MaxKeyBytes, func(key string) error {
			if _, dup := m[key]; dup {
				return s.fail("key %q twice", key)
			}
			v, err := s.value(nodes)
			m[key] = v
			return err
		})
	case '[':
		var a []any
		err := s.array(func() error {
			v, err := s.value(nodes)
			a = append(a, v)
			return err
		})
		return a, err
	case '"':
		return s.str(MaxConfigBytes)
	}
	return s.word()
}

// word reads true, false, null or a number, and NaN and Infinity, which Python
// writes into configurations.
func (s *scanner) word() (any, error) {
	var w []byte
	for {
		b, err := s.c.peek()
		if errors.Is(err, errShort) {
			break
		}
		if err != nil {
			return nil, err
		}
		if !(b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b == '-' || b == '+' || b == '.') {
			break
		}
		if w = append(w, b); len(w) > 64 {
			return nil, s.fail("word of more than 64 bytes")
		}
		s.c.r++
	}
	switch t := string(w); t {
	case "true", "false":
		return t == "true", nil
	case "null":
		return nil, nil
	case "NaN", "Infinity", "-Infinity":
		return number(t), nil
	default:
		_, err := strconv.ParseFloat(t, 64)
		if strings.Trim(t, "0123456789.eE+-") != "" || err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, s.fail("%q is no value", t)
		}
		return number(t), nil
	}
}

// document reads a whole file as one value.
func document(c *cursor) (any, error) {
	s, nodes := scanner{c: c}, MaxNodes
	v, err := s.value(&nodes)
	if err != nil {
		return nil, err
	}
	return v, s.end()
}
