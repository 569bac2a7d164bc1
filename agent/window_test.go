package agent

import (
	"context"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/internal/sim/sweeps"
)

// partsHalf gives parts of telemetry, one after the other.
type partsHalf struct {
	Half
	parts []*TelemetryPart
	asked []*TelemetryParams
}

func (h *partsHalf) Telemetry(_ context.Context, q *TelemetryParams) (*TelemetryPart, error) {
	p := h.parts[0]
	h.asked = append(h.asked, q)
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

// Each page of a history has its own anchors, and not those of the pages behind it.
func TestPageOfAHistoryHasItsOwnAnchors(t *testing.T) {
	host := sweeps.New(1, 1, 1)
	c, err := telemetry.NewChunk(telemetry.Head{Genesis: attest.Digest{1}}, []*telemetry.Record{host.Next(1), host.Next(2), host.Next(3)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]struct {
		parts []*TelemetryPart
		more  bool
		to    uint64
	}{
		"more to come": {[]*TelemetryPart{{Chunks: [][]byte{b}, Next: &recorder.Cursor{Genesis: c.Genesis, First: 4}}, {Chunks: [][]byte{make([]byte, historySize)}}, {}}, true, 3},
		"the last":     {[]*TelemetryPart{{Chunks: [][]byte{b}}, {}, {}}, false, 90},
	} {
		half := &partsHalf{parts: page.parts}
		h, err := (&Frontend{half: half}).history(t.Context(), &attest.TelemetryRequest{Genesis: c.Genesis, First: 1, Last: 60, Head: 90})
		if err != nil || h.More != page.more || len(half.parts) != 0 {
			t.Errorf("%s: %+v, %v", name, h, err)
			continue
		}
		if d := half.asked[len(half.asked)-1].Documents; d == nil || d.From != 1 || d.To != page.to {
			t.Errorf("%s: anchors of %+v", name, d)
		}
	}
}
