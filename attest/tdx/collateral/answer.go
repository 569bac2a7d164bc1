package collateral

import (
	"encoding/json"
	"fmt"
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
