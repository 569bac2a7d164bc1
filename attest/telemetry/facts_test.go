package telemetry_test

import (
	"testing"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// TestAtMostLosesNoCount: however often facts are cut, those kept and those said to be omitted are all there were.
func TestAtMostLosesNoCount(t *testing.T) {
	var facts []telemetry.Fact
	for n := range 200 {
		facts = telemetry.AtMost(append(facts, telemetry.Fact{Name: telemetry.FactXid, Value: int64(n)}), 10)
		kept, omitted := 0, 0
		for i, f := range facts {
			if f.Name == telemetry.FactOmitted {
				omitted += int(f.Value)
			} else if kept++; f.Value != int64(i) {
				t.Fatalf("fact %d is %+v: the first ones stay", i, f)
			}
		}
		if kept+omitted != n+1 || len(facts) > 10 {
			t.Fatalf("of %d: %d kept, %d omitted", n+1, kept, omitted)
		}
	}
	if got := telemetry.AtMost(nil, 10); got != nil {
		t.Errorf("of none: %v", got)
	}
	why := telemetry.Fact{Name: telemetry.FactOmitted, Text: "too large"} // of a whole record, and not a count
	if got := telemetry.AtMost([]telemetry.Fact{why}, 10); len(got) != 1 || got[0] != why {
		t.Errorf("%v", got)
	}
}
