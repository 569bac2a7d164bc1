package census

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) as a stream, so that a header costs its names and
// not its text. It is stricter than encoding/json: invalid UTF-8 and lone
// surrogates are errors, and callers see every key, so they can refuse duplicates.
type scanner struct {
	c     *cursor
	depth int
	text  []byte // reused by str
}

func (s *scanner) fail(format string, args ...any) error {
	return fmt.Errorf("json at byte %d: %s", s.c.pos(), fmt.Sprintf(format, args...))
}

// token skips white space and returns the next byte without consuming it.
func (s *scanner) token() (byte, error) {
	for {
		b, err := s.c.peek()
		if err != nil || b != ' ' && b != '\t' && b != '\n' && b != '\r' {
			return b, err
		}
		s.c.r++
	}
}

func (s *scanner) expect(want byte) error {
	b, err := s.token()
	if err != nil {
		return err
	}
	if b != want {
		return s.fail("%q where %q is expected", b, want)
	}
	s.c.r++
	return nil
}

// list reads what stands between open and close, one item at a time.
func (s *scanner) list(open, closing byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.depth++; s.depth > MaxNesting {
		return &limitError{"json nesting", MaxNesting}
	}
	defer func() { s.depth-- }()
	if b, err := s.token(); err != nil {
		return err
	} else if b == closing {
		s.c.r++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		b, err := s.token()
		if err != nil {
			return err
		}
		s.c.r++
		if b == closing {
			return nil
		}
		if b != ',' {
			return s.fail("%q within a list", b)
		}
	}
}

func (s *scanner) array(item func() error) error { return s.list('[', ']', item) }

// object calls member with each key; member must read the value.
func (s *scanner) object(maxKey int, member func(key string) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str(maxKey)
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// str reads a string of at most limit bytes.
func (s *scanner) str(limit int) (string, error) {
	if err := s.read(limit); err != nil {
		return "", err
	}
	switch string(s.text) { // the keys of each tensor: no copy
	case "dtype":
		return "dtype", nil
	case "shape":
		return "shape", nil
	case "data_offsets":
		return "data_offsets", nil
	}
	return string(s.text), nil
}

// read leaves a string's bytes in s.text.
func (s *scanner) read(limit int) error {
	if err := s.expect('"'); err != nil {
		return err
	}
	s.text = s.text[:0]
	for {
		b, err := s.c.next()
		switch {
		case err != nil:
			return err
		case b == '"':
			if !utf8.Valid(s.text) {
				return s.fail("text is not UTF-8")
			}
			return nil
		case b == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case b < 0x20:
			return s.fail("control character in text")
		default:
			s.text = append(s.text, b)
		}
		if len(s.text) > limit {
			return &limitError{"json text", uint64(limit)}
		}
	}
}

func (s *scanner) escape() error {
	b, err := s.c.next()
	if err != nil {
		return err
	}
	switch b {
	case '"', '\\', '/':
	case 'b':
		b = '\b'
	case 'f':
		b = '\f'
	case 'n':
		b = '\n'
	case 'r':
		b = '\r'
	case 't':
		b = '\t'
	case 'u':
		return s.unicode()
	default:
		return s.fail("unknown escape %q", b)
	}
	s.text = append(s.text, b)
	return nil
}

func (s *scanner) unicode() error {
	r, err := s.hex4()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		for _, want := range []byte{'\\', 'u'} {
			if b, err := s.c.next(); err != nil {
				return err
			} else if b != want {
				return s.fail("lone surrogate")
			}
		}
		low, err := s.hex4()
		if err != nil {
			return err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return s.fail("lone surrogate")
		}
	}
	s.text = utf8.AppendRune(s.text, r)
	return nil
}

func (s *scanner) hex4() (r rune, err error) {
	for range 4 {
		b, err := s.c.next()
		if err != nil {
			return 0, err
		}
		switch {
		case b >= '0' && b <= '9':
			b -= '0'
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			b = b | 0x20 - 'a' + 10
		default:
			return 0, s.fail("%q in \\u", b)
		}
		r = r<<4 | rune(b)
	}
	return r, nil
}

// uint reads a number without sign, fraction or exponent, below 2^63.
func (s *scanner) uint() (n uint64, err error) {
	if _, err := s.token(); err != nil {
		return 0, err
	}
	for digits := 0; ; digits++ {
		b, err := s.c.peek()
		if errors.Is(err, errShort) && digits > 0 {
			return n, nil
		} else if err != nil {
			return 0, err
		}
		if b < '0' || b > '9' {
			if digits == 0 || b == '.' || b|0x20 == 'e' {
				return 0, s.fail("%q where a whole number is expected", b)
			}
			return n, nil
		}
		if digits > 0 && n == 0 {
			return 0, s.fail("number with a leading zero")
		}
		if n > (1<<63-1-9)/10 {
			return 0, s.fail("number over 63 bits")
		}
		n = n*10 + uint64(b-'0')
		s.c.r++
	}
}

// end accepts white space and nothing else.
func (s *scanner) end() error {
	if b, err := s.token(); err == nil {
		return s.fail("%q after the end", b)
	} else if !errors.Is(err, errShort) {
		return err
	}
	return nil
}
