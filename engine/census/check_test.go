package census_test

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine/census"
)

// TestParseRejectsCensusesThatContradictThemselves: each change alone is refused.
func TestParseRejectsCensusesThatContradictThemselves(t *testing.T) {
	one := func(n uint64) *uint64 { return &n }
	for name, change := range map[string]func(*census.Census){
		"format":                 func(c *census.Census) { c.Format = "pickle" },
		"no files":               func(c *census.Census) { c.Files = 0 },
		"too many tensors":       func(c *census.Census) { c.Tensors = census.MaxTensors + 1 },
		"fewer tensors":          func(c *census.Census) { c.Tensors = 1 },
		"another sum":            func(c *census.Census) { c.Parameters++ },
		"an unknown type":        func(c *census.Census) { c.ByType[0].Type = "bf15" },
		"an integer type":        func(c *census.Census) { c.ByType[0].Type = "i8" },
		"no scheme":              func(c *census.Census) { c.ByType[0].Scheme = "" },
		"out of order":           func(c *census.Census) { c.ByType[0], c.ByType[1] = c.ByType[1], c.ByType[0] },
		"a type twice":           func(c *census.Census) { c.ByType[1] = c.ByType[0] },
		"other bits":             func(c *census.Census) { c.ByType[0].MilliBits++ },
		"too many parameters":    func(c *census.Census) { c.ByType[0].Parameters = 1 << 63 },
		"unknown without":        func(c *census.Census) { c.UnknownBytes = 1 },
		"more unknown":           func(c *census.Census) { c.UnknownTensors = c.Tensors + 1 },
		"more active":            func(c *census.Census) { c.ActiveParameters = one(c.Parameters + 1) },
		"more experts":           func(c *census.Census) { c.Experts = &census.Experts{Count: 1, PerToken: one(2)} },
		"experts with more":      func(c *census.Census) { c.Experts = &census.Experts{Count: 1, Parameters: c.Parameters + 1} },
		"control characters":     func(c *census.Census) { c.Config.DType = "bf\n16" },
		"ignored without number": func(c *census.Census) { c.Ignored = []string{"a"} },
		"ignored out of order":   func(c *census.Census) { c.Ignored, c.IgnoredFiles = []string{"b", "a"}, 2 },
		"conflicts out of order": func(c *census.Census) { c.Conflicts = []census.Conflict{{Key: "b"}, {Key: "a"}} },
		"too many conflicts":     func(c *census.Census) { c.Conflicts = make([]census.Conflict, census.MaxConflicts+1) },
	} {
		t.Run(name, func(t *testing.T) {
			c := formed(t, "fp8 block")
			change(c)
			b, err := attest.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := census.Parse(b); err == nil || !strings.HasPrefix(err.Error(), "census: ") {
				t.Errorf("error %v", err)
			}
		})
	}
	if _, err := census.Parse(make([]byte, census.MaxCensusSize+1)); err == nil {
		t.Error("a census over the limit parses")
	}
}
