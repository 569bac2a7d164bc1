package stats

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// ErrNotCanonical says that bytes are a record, and not in its one form.
var ErrNotCanonical = errors.New("not in canonical form (RFC 8785)")

// appendCanonical writes v as RFC 8785 does. Names are ASCII here and texts
// printable (see Result.check), for which the order of bytes is that of UTF-16
// and the standard library's strings and numbers are ECMAScript's; only -0 is not, and becomes 0.
func appendCanonical(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case map[string]any:
		dst = append(dst, '{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendCanonical(dst, k); err != nil {
				return nil, err
			}
			if dst, err = appendCanonical(append(dst, ':'), v[k]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendCanonical(dst, e); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case float64:
		if v == 0 {
			v = math.Abs(v)
		}
		b, err := json.Marshal(v)
		return append(dst, b...), err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return append(dst, bytes.TrimSuffix(buf.Bytes(), []byte{'\n'})...), err
}

// canonical is the one form of r, without checking it.
func canonical(r *Result) ([]byte, error) {
	b, err := json.Marshal(r) // refuses NaN and infinities
	if err != nil {
		return nil, err
	}
	v, err := tree(b)
	if err != nil {
		return nil, err
	}
	return appendCanonical(nil, v)
}

// Marshal checks r and returns its canonical form: what is hashed and signed.
func Marshal(r *Result) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("stat-result: %w", err)
	}
	b, err := canonical(r)
	if err != nil {
		return nil, fmt.Errorf("stat-result: %w", err)
	}
	if len(b) > MaxResultSize {
		return nil, fmt.Errorf("stat-result: %d bytes, limit %d", len(b), MaxResultSize)
	}
	return b, nil
}

// Digest is SHA-256 of the canonical form.
func Digest(r *Result) ([32]byte, error) {
	b, err := Marshal(r)
	return sha256.Sum256(b), err
}
