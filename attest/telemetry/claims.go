package telemetry

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Claims are what a quote fixes of a chain.
type Claims struct {
	Genesis []byte        `cbor:"genesis"` // the genesis document
	Index   uint64        `cbor:"index"`   // of the last record before the quote; 0: none yet
	Hash    attest.Digest `cbor:"hash"`    // h_index
	At      uint64        `cbor:"at_ms"`   // of the last record, by the node's clock
	// Trail is the digests of the last records, oldest first, as far back as the oldest
	// window handed out in the last minute: so that each window reaches this head.
	Trail []attest.Digest `cbor:"trail"`
	// StoredFrom is the oldest record of this chain that can still be asked for; 0: none.
	StoredFrom uint64 `cbor:"stored_from"`
	Missed     uint64 `cbor:"missed"`   // sweeps that were due in this chain and not made
	Anchored   uint64 `cbor:"anchored"` // index of the last anchor in this chain; 0: none
}

// Head is the quoted head.
func (c *Claims) Head() Head { return Head{Start(c.Genesis).Genesis, c.Index, c.Hash} }

// Parse decodes and checks claims.
func Parse(b []byte) (*Claims, error) {
	var c Claims
	if err := attest.Unmarshal(b, &c, MaxClaims); err != nil {
		return nil, fmt.Errorf("telemetry claims: %w", err)
	}
	return &c, c.Check()
}

// Check compares c with the limits and with itself.
func (c *Claims) Check() error {
	if _, err := ParseGenesis(c.Genesis); err != nil {
		return fmt.Errorf("telemetry claims: %w", err)
	}
	switch {
	case c.Index > 1<<53:
		return errors.New("telemetry claims: index out of range")
	case c.Index == 0 && c.Hash != Start(c.Genesis).Hash:
		return errors.New("telemetry claims: no record, and a hash that is not the genesis document's")
	case len(c.Trail) > MaxTrail || uint64(len(c.Trail)) > c.Index:
		return fmt.Errorf("telemetry claims: trail of %d", len(c.Trail))
	case c.StoredFrom > c.Index || c.Anchored > c.Index:
		return errors.New("telemetry claims: stored or anchored behind the head")
	}
	return nil
}
