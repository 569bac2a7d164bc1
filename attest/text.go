package attest

import (
	"strings"
	"unicode"
)

// Clean makes s fit to stand in claims: valid UTF-8, no control characters, at most MaxText bytes.
func Clean(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s), MaxText)
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
