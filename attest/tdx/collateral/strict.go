package collateral

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// strict refuses JSON that two readers could take differently. encoding/json lets the last of two equal names win and
// takes "TCBInfo" for "tcbInfo": whoever holds a cache between us and Intel would add one beside the signed
// member and be believed (D2). So within an object no two names may be equal or differ in case alone, a name
// that is one of ours but for its case is refused wherever it stands, and null (which decodes as "leave as it is") is no value.
//
// It walks bytes that json.Valid has found well-formed; json.Decoder.Token takes ten times as long.
func strict(raw []byte, limit int, ours ...string) error {
	if len(raw) > limit {
		return fmt.Errorf("%d bytes, limit %d: %w", len(raw), limit, ErrMalformed)
	}
	// The decoder would put U+FFFD for what is not UTF-8, and two strings would become equal.
	if !utf8.Valid(raw) || tooDeep(raw) || !json.Valid(raw) {
		return fmt.Errorf("no JSON of at most %d levels: %w", maxDepth, ErrMalformed)
	}
	s := &scan{rest: raw, ours: ours}
	return s.value()
}

// tooDeep counts brackets before anything recurses.
func tooDeep(raw []byte) bool {
	depth, inside := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// scan reads valid JSON.
type scan struct {
	rest []byte
	ours []string
}

// next gives the byte that begins the next token.
func (s *scan) next() byte {
	for i, c := range s.rest {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ',' && c != ':' {
			s.rest = s.rest[i:]
			return c
		}
	}
	return 0
}

// text takes a string with its quotes.
func (s *scan) text() []byte {
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			b := s.rest[:i+1]
			s.rest = s.rest[i+1:]
			return b
		}
	}
	return nil
}

func (s *scan) value() error {
	switch c := s.next(); c {
	case '{', '[':
		var seen []string
		for s.rest = s.rest[1:]; s.next() != c+2; { // '}' and ']' stand two behind
			if c == '{' {
				name, err := s.name(seen)
				if err != nil {
					return err
				}
				seen = append(seen, name)
			}
			if err := s.value(); err != nil {
				return err
			}
		}
		s.rest = s.rest[1:]
	case '"':
		s.text()
	case 'n':
		return fmt.Errorf("null: %w", ErrMalformed)
	default: // a number, true or false
		i := 0
		for i < len(s.rest) && strings.IndexByte(" \t\r\n,]}", s.rest[i]) < 0 {
			i++
		}
		s.rest = s.rest[i:]
	}
	return nil
}

// maxMembers bounds the names of one object, which are compared with each other.
const maxMembers = 64

// name takes a member's name. encoding/json folds as Unicode does, where U+017F is an s, and resolves escapes; Intel's names
// are plain letters and digits, and so must all be.
func (s *scan) name(seen []string) (string, error) {
	quoted := s.text()
	name := string(quoted[1 : len(quoted)-1])
	if i := strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '\\' }); i >= 0 {
		return "", fmt.Errorf("member %.40q is not plain ASCII: %w", name, ErrMalformed)
	}
	if len(seen) == maxMembers || slices.ContainsFunc(seen, func(n string) bool { return strings.EqualFold(n, name) }) {
		return "", fmt.Errorf("member %.40q twice, beside one that differs in case, or after %d: %w", name, maxMembers, ErrMalformed)
	}
	for _, exact := range s.ours {
		if name != exact && strings.EqualFold(name, exact) {
			return "", fmt.Errorf("member %.40q is %q but for its case: %w", name, exact, ErrMalformed)
		}
	}
	return name, nil
}
