package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Unique refuses a JSON document in which a member of one object stands twice, also in other case:
// encoding/json takes the last of them without a word, and two people read two policies.
func Unique(b []byte) error {
	type level struct {
		names map[string]bool // nil for an array
		key   bool            // the next token is a name, or the end
	}
	var stack []level
	for d := json.NewDecoder(bytes.NewReader(b)); ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if t == json.Delim('}') || t == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack) - 1; n >= 0 && stack[n].names != nil {
			if name, ok := t.(string); ok && stack[n].key {
				if stack[n].key = false; stack[n].names[strings.ToLower(name)] {
					return fmt.Errorf("member %.80q stands twice", name)
				}
				stack[n].names[strings.ToLower(name)] = true
				continue
			}
			stack[n].key = true // a value, or the beginning of one
		}
		switch t {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}, key: true})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
