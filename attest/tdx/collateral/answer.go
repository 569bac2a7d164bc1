package collateral

import (
	"encoding/json"
	"fmt"
	"strings"
)

// answer takes a body of Intel's service apart: {"tcbInfo": {…}, "signature": "…"} and nothing else. The document is cut out
// as it stands, for its bytes are what was signed.
func answer(body []byte, name string) (doc, signature []byte, err error) {
	m, err := members(body, MaxFile, name, "signature")
	if err != nil {
		return nil, nil, err
	}
	var s string
	if err := json.Unmarshal(m["signature"], &s); err != nil {
		return nil, nil, fmt.Errorf("signature is no string: %w", ErrMalformed)
	}
	return m[name], []byte(s), nil
}

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
