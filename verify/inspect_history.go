package verify

import (
	"encoding/hex"
	"encoding/json"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// inspectHistory says what a file of hallmark telemetry holds: chains, records, anchors. The records are for package stretch.
func inspectHistory(h *telemetry.History) (*Inspection, error) {
	chains := make([]any, len(h.Genesis))
	for i, b := range h.Genesis {
		g, err := telemetry.ParseGenesis(b)
		if err != nil {
			return nil, err
		}
		c := map[string]any{"genesis": telemetry.Start(b).Genesis.String(), "ueid": g.UEID.String(), "boot_id": hex.EncodeToString(g.BootID[:]), "began_ms": g.At,
			"interval_ms": g.Interval, "ordinal": g.Ordinal, "version": g.Version, "volatile": g.Volatile}
		if g.Previous != nil {
			c["previous"] = map[string]any{"genesis": g.Previous.Genesis.String(), "index": g.Previous.Index}
		} else {
			c["why_first"] = g.Why
		}
		chains[i] = c
	}
	view := map[string]any{"chains": chains, "chunks": len(h.Chunks), "records_behind_the_chunks": len(h.Trail), "more": h.More}
	records := uint64(0)
	for i, b := range h.Chunks {
		c, err := telemetry.ParseChunk(b)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			view["first_index"] = c.First
		}
		records += c.Count
		view["last_index"] = c.End().Index
	}
	view["records"] = records
	anchors := make([]any, len(h.Anchors))
	for i, a := range h.Anchors {
		anchors[i] = map[string]any{"index": a.Head.Index, "hash": a.Head.Hash.String(), "at_ms": a.At}
	}
	view["anchors"] = anchors
	out, err := json.Marshal(map[string]any{"judged": false, "telemetry_history": view})
	return &Inspection{View: out, Parts: map[string][]byte{}}, err
}
