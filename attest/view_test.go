package attest

import (
	"encoding/json"
	"testing"
)

func TestViewNamesKeysAndEscapesWhatATerminalWouldObey(t *testing.T) {
	b, err := Marshal(map[int]any{6: "a\u009b2J\u202e\U0001F600", 10: []byte{1, 2}, 99: []any{map[string]any{"x": []byte{3}}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := View(b, BoundNames)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v {
		if c < 0x20 || c > 0x7e {
			t.Fatalf("%q holds byte %#x", v, c)
		}
	}
	var got map[string]any
	if err := json.Unmarshal(v, &got); err != nil || got["iat"] != "a\u009b2J\u202e\U0001F600" || got["eat_nonce"] != "0102" || got["99"] == nil {
		t.Fatalf("%s: %v, %v", v, got, err)
	}
}
