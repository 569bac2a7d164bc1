package agent

import (
	"context"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
)

// partsHalf gives parts of telemetry, one after the other.
type partsHalf struct {
	Half
	parts []*TelemetryPart
}

func (h *partsHalf) Telemetry(context.Context, *TelemetryParams) (*TelemetryPart, error) {
	p := h.parts[0]
	h.parts = h.parts[1:]
	return p, nil
}

// A window whose middle is not kept is none, and its reason is the node's own.
func TestWindowSaysWhyItsEndIsAbsent(t *testing.T) {
	lost := attest.Absent(attest.WindowAbsent, attest.NotPresent, "records from 61 on were not stored")
	for name, c := range map[string]struct {
		last   *TelemetryPart
		reason attest.Reason
		detail string
	}{
		"lost behind chunks": {&TelemetryPart{Absent: &lost}, attest.NotPresent, "records from 61 on were not stored"},
		"too much":           {&TelemetryPart{Chunks: [][]byte{make([]byte, attest.MaxWindowSize)}}, attest.Oversize, "shorter --window"},
	} {
		half := &partsHalf{parts: []*TelemetryPart{{Chunks: [][]byte{{1}}, Next: &recorder.Cursor{First: 61}}, c.last}}
		w, err := (&Frontend{half: half}).window(t.Context(), &attest.WindowRequest{Seconds: 900})
		if err != nil || w.Absent == nil || len(w.Chunks) != 0 || w.Absent.Reason != c.reason || !strings.Contains(w.Absent.Detail, c.detail) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
}
