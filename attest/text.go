package attest

import (
	"strings"
	"unicode"
)

// Clean makes s fit to stand in claims and on a screen: valid UTF-8, neither
// control nor formatting characters (which reorder what people read), at most MaxText bytes.
func Clean(s string) string {
	return cut(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, s), MaxText)
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
