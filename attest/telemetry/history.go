package telemetry

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Anchor is a quote that the agent made by itself over a head: h existed when the
// TPM's clock stood where the quote says. It says nothing of who measured.
type Anchor struct {
	Head      Head   `cbor:"1,keyasint"`
	At        uint64 `cbor:"2,keyasint"` // ms since the Unix epoch, by the node's clock
	Attest    []byte `cbor:"3,keyasint"` // TPMS_ATTEST; its extraData is Head.Anchor()
	Signature []byte `cbor:"4,keyasint"` // TPMT_SIGNATURE by the attestation key
}

// ParseAnchor decodes an anchor. Its quote is not looked at.
func ParseAnchor(b []byte) (*Anchor, error) {
	var a Anchor
	if err := attest.Unmarshal(b, &a, MaxAnchor); err != nil {
		return nil, fmt.Errorf("telemetry anchor: %w", err)
	}
	if a.Head.Index == 0 || a.Head.Index > 1<<53 {
		return nil, errors.New("telemetry anchor: index out of range")
	}
	return &a, nil
}

// History is the answer to a HistoryRequest.
type History struct {
	Genesis [][]byte        `cbor:"1,keyasint"` // genesis documents: of the chain asked for, then those before it that are kept
	Chunks  [][]byte        `cbor:"2,keyasint"` // without gap, the first holding the first record asked for, or the oldest kept where that one is not
	Trail   []attest.Digest `cbor:"3,keyasint"` // digests of the records behind the last chunk, up to the head asked for; empty where More
	Anchors []Anchor        `cbor:"4,keyasint"` // of this chain, within the chunks and the trail
	More    bool            `cbor:"5,keyasint"` // more records follow before the head: ask again from the last chunk's end
}

// ParseHistory decodes a history and compares it with the limits. Chunks are not looked at.
func ParseHistory(b []byte) (*History, error) {
	var h History
	if err := attest.Unmarshal(b, &h, MaxHistory); err != nil {
		return nil, fmt.Errorf("telemetry history: %w", err)
	}
	switch {
	case len(h.Genesis) == 0 || len(h.Genesis) > MaxChunks:
		return nil, fmt.Errorf("telemetry history: %d genesis documents", len(h.Genesis))
	case len(h.Chunks) > MaxChunks || len(h.Trail) > MaxTrail || len(h.Anchors) > MaxAnchors:
		return nil, fmt.Errorf("telemetry history: %d chunks, %d digests, %d anchors", len(h.Chunks), len(h.Trail), len(h.Anchors))
	case h.More && len(h.Trail) > 0:
		return nil, errors.New("telemetry history: a trail and more to come")
	}
	for _, g := range h.Genesis {
		if _, err := ParseGenesis(g); err != nil {
			return nil, err
		}
	}
	return &h, nil
}
