package stretch

import (
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Whatever a record can have many of, or long ones of, weighs; docs/kinds/telemetry.md says how much.
func TestEveryPartOfARecordWeighs(t *testing.T) {
	text := strings.Repeat("x", 160)
	for name, c := range map[string]struct {
		record telemetry.Record
		want   int
	}{
		"nothing":   {telemetry.Record{}, 64},
		"GPUs":      {telemetry.Record{Devices: []telemetry.Device{{Key: "a"}, {Key: "b"}}}, 64 + 16},
		"values":    {telemetry.Record{Devices: []telemetry.Device{{Key: "a", Values: telemetry.Values{1, 0, 2, 0, 3, 0}}}}, 64 + 8 + 3},
		"processes": {telemetry.Record{Devices: []telemetry.Device{{Key: "a", Processes: make([]telemetry.Process, 5)}}}, 64 + 8 + 20},
		"absences":  {telemetry.Record{Absent: []attest.Absence{{What: text, Detail: text}}}, 64 + 4 + 20},
		"facts":     {telemetry.Record{Facts: []telemetry.Fact{{Name: text, Text: text}, {}}}, 64 + 4 + 20 + 4},
		"marks":     {telemetry.Record{Marks: make([]attest.Digest, 3)}, 64 + 12},
	} {
		b := budget{limit: c.want, gpus: map[string]bool{}}
		if err := b.record(&c.record); err != nil || b.weight != c.want {
			t.Errorf("%s weigh %d, want %d: %v", name, b.weight, c.want, err)
		}
		if err := b.columns(&telemetry.Chunk{Columns: 16}); err == nil {
			t.Errorf("%s: columns weigh nothing", name)
		}
	}
}
