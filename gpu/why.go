package gpu

import (
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// Why returns the absence that names path, spelled exactly ("gpu[ADDRESS].serial"):
// its own, else that of the GPU, link or map it belongs to, else one spelled with "*".
func (c *Claims) Why(path string) (attest.Absence, bool) {
	named := make(map[string]attest.Absence, len(c.Absent))
	for _, a := range c.Absent {
		named[a.What] = a
	}
	for _, spell := range []func(string) string{func(p string) string { return p }, starLast, starAll} {
		for p := path; p != ""; {
			if a, ok := named[spell(p)]; ok {
				return a, true
			}
			p = p[:max(strings.LastIndexAny(p, ".["), 0)]
			if strings.Count(p, "[") != strings.Count(p, "]") {
				p = p[:strings.LastIndexByte(p, '[')] // the dot was inside a key
			}
		}
	}
	return attest.Absence{}, false
}
