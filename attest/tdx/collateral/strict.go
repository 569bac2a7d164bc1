package collateral

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// strict refuses JSON that two readers could take differently. encoding/json lets the last of two equal names win and
// takes "TCBInfo" for "tcbInfo": whoever holds a cache between us and Intel would add one beside the signed
// member and be believed (D2). So within an object no two names may be equal or differ in case alone, a name
// that is one of ours but for its case is refused wherever it stands, and null (which decodes as "leave as it is") is no value.
func strict(raw []byte, limit int, ours ...string) error {
	if len(raw) > limit {
		return fmt.Errorf("%d bytes, limit %d: %w", len(raw), limit, ErrMalformed)
	}
	if !utf8.Valid(raw) { // the decoder would put U+FFFD for what is not, and two strings would become equal
		return fmt.Errorf("not UTF-8: %w", ErrMalformed)
	}
	s := &scan{dec: json.NewDecoder(bytes.NewReader(raw)), ours: map[string]string{}}
	s.dec.UseNumber()
	for _, n := range ours {
		s.ours[fold(n)] = n
	}
	if err := s.value(0); err != nil {
		return err
	}
	if _, err := s.dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("more than one value: %w", ErrMalformed)
	}
	return nil
}

type scan struct {
	dec  *json.Decoder
	ours map[string]string
}

func (s *scan) value(depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep: %w", maxDepth, ErrMalformed)
	}
	token, err := s.dec.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	switch token {
	case nil:
		return fmt.Errorf("null: %w", ErrMalformed)
	case json.Delim('{'):
		seen := map[string]bool{}
		for s.dec.More() {
			if err := s.name(seen); err != nil {
				return err
			}
			if err := s.value(depth + 1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for s.dec.More() {
			if err := s.value(depth + 1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := s.dec.Token(); err != nil { // the closing one
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	return nil
}

func (s *scan) name(seen map[string]bool) error {
	token, err := s.dec.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	name, _ := token.(string)
	// encoding/json folds as Unicode does, where U+017F is an s and U+212A a k. Intel's names are ASCII.
	if i := strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r > 0x7e }); i >= 0 {
		return fmt.Errorf("member %.40q: not ASCII: %w", name, ErrMalformed)
	}
	f := fold(name)
	if seen[f] {
		return fmt.Errorf("member %.40q twice, or beside one that differs in case: %w", name, ErrMalformed)
	}
	seen[f] = true
	if exact, ok := s.ours[f]; ok && exact != name {
		return fmt.Errorf("member %.40q is %q but for its case: %w", name, exact, ErrMalformed)
	}
	return nil
}

func fold(name string) string { return strings.ToLower(name) }

// members splits an object into exactly these members; those behind "?" may be absent.
func members(raw []byte, limit int, names ...string) (map[string]json.RawMessage, error) {
	if err := strict(raw, limit); err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	known := 0
	for _, n := range names {
		n, optional := strings.CutPrefix(n, "?")
		if _, ok := out[n]; ok {
			known++
		} else if !optional {
			return nil, fmt.Errorf("member %q is missing: %w", n, ErrMalformed)
		}
	}
	if known != len(out) {
		return nil, fmt.Errorf("has members beside %s: %w", strings.Join(names, ", "), ErrMalformed)
	}
	return out, nil
}
