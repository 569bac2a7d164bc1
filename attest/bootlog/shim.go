package bootlog

import (
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// shim lists what shim measured of its own variables into register 14: MokList,
// MokListX, MokSBState, MokDBState, MokListTrusted. The event holds the name and
// the digest is of the content (shim mok.c, MOK_VARIABLE_LOG), so that the
// content is known by digest only, and which digest is which is not authentic.
func (v view) shim(r *Report) {
	events, err := v.events(14)
	if err != nil {
		r.MOK = NotKnown[[]Measured](err)
		return
	}
	out := []Measured{}
	for _, e := range events {
		m := Measured{Digest: e.digest, Label: label(e.data)}
		for value, content := range map[string]string{"0": "\x00", "1": "\x01", "empty": ""} {
			if v.hashes([]byte(content), e) {
				m.Value = value
			}
		}
		out = append(out, m)
	}
	r.MOK = Known(out)
}

// label makes a text for people of an event's data.
func label(data []byte) string {
	s, _, _ := strings.Cut(string(data[:min(len(data), attest.MaxText)]), "\x00")
	return attest.Clean(s)
}
