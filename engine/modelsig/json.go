package modelsig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/hallmark-attest/hallmark/attest"
)

// reader reads one JSON document token by token. It is stricter than
// json.Unmarshal, which takes the last of two members of one name, matches names
// without regard to case and ignores unknown ones: three ways to show one
// document to two readers.
type reader struct {
	dec   *json.Decoder
	depth int
}

func newReader(b []byte) (*reader, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(b) { // the whole of it: nothing may follow the document
		return nil, errors.New("not one JSON document")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return &reader{dec: dec}, nil
}

// open consumes the delimiter that begins a composite value.
func (r *reader) open(what string, want json.Delim) error {
	t, err := r.dec.Token()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if t != want {
		return fmt.Errorf("%s: not a JSON %s", what, map[json.Delim]string{'{': "object", '[': "array"}[want])
	}
	if r.depth++; r.depth > MaxNesting {
		return fmt.Errorf("%s: nested over the limit of %d", what, MaxNesting)
	}
	return nil
}

func (r *reader) close() error {
	r.depth--
	_, err := r.dec.Token()
	return err
}

// object calls member with each name; member reads the value. A name twice, and
// a required name that is lacking, are errors.
func (r *reader) object(what string, required []string, member func(name string) error) error {
	if err := r.open(what, '{'); err != nil {
		return err
	}
	var seen []string
	for r.dec.More() {
		t, err := r.dec.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		name, ok := t.(string)
		if !ok || len(name) > attest.MaxText {
			return fmt.Errorf("%s: member name over the limit of %d bytes", what, attest.MaxText)
		}
		if slices.Contains(seen, name) {
			return fmt.Errorf("%s: member %q twice", what, name)
		}
		if seen = append(seen, name); len(seen) > maxMembers {
			return fmt.Errorf("%s: members over the limit of %d", what, maxMembers)
		}
		if err := member(name); err != nil {
			return err
		}
	}
	for _, name := range required {
		if !slices.Contains(seen, name) {
			return fmt.Errorf("%s: no member %q", what, name)
		}
	}
	return r.close()
}

// maxMembers keeps the search for a name that stands twice short; the largest object of a bundle has seven.
const maxMembers = 64

func (r *reader) array(what string, limit int, item func() error) error {
	if err := r.open(what, '['); err != nil {
		return err
	}
	for n := 0; r.dec.More(); n++ {
		if n == limit {
			return fmt.Errorf("%s: over the limit of %d elements", what, limit)
		}
		if err := item(); err != nil {
			return err
		}
	}
	return r.close()
}

func (r *reader) text(what string) (string, error) {
	t, err := r.dec.Token()
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s: not a JSON string", what)
	}
	return s, nil
}

func (r *reader) boolean(what string) (bool, error) {
	t, err := r.dec.Token()
	if err != nil {
		return false, fmt.Errorf("%s: %w", what, err)
	}
	v, ok := t.(bool)
	if !ok {
		return false, fmt.Errorf("%s: neither true nor false", what)
	}
	return v, nil
}

// skip reads over a value whose meaning nobody here depends on. It is held to
// the same rules, so that no reader sees another document than this one.
func (r *reader) skip(what string) error {
	t, err := r.dec.Token()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	switch t {
	case json.Delim('{'), json.Delim('['):
	default:
		return nil
	}
	return r.skipRest(what, t == json.Delim('{'))
}

func (r *reader) skipRest(what string, object bool) error {
	if r.depth++; r.depth > MaxNesting {
		return fmt.Errorf("%s: nested over the limit of %d", what, MaxNesting)
	}
	seen := map[string]bool{}
	for r.dec.More() {
		if object {
			name, err := r.text(what)
			if err != nil {
				return err
			}
			if seen[name] {
				return fmt.Errorf("%s: member %q twice", what, attest.Clean(name))
			}
			seen[name] = true
		}
		if err := r.skip(what); err != nil {
			return err
		}
	}
	return r.close()
}
