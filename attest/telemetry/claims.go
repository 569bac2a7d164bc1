package telemetry

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Claims are what a quote fixes of a chain.
type Claims struct {
	Genesis   []byte        `cbor:"genesis"`       // the genesis document
	Ancestors [][]byte      `cbor:"ancestors"`     // those of the chains before it, nearest first, as many as began since this boot, at most MaxAncestors
	Index     uint64        `cbor:"index"`         // of the last record before the quote; 0: none yet
	Hash      attest.Digest `cbor:"hash"`          // h_index
	At        uint64        `cbor:"at_ms"`         // of that record, by the node's clock; of the genesis document where there is none
	Uptime    uint64        `cbor:"uptime_ms"`     // of that record
	Now       uint64        `cbor:"now_uptime_ms"` // when these claims were made
	// StoredFrom and StoredTo are the records of this chain that are on disk and can be
	// asked for; 0: none. What lies behind StoredTo is lost if the host fails now.
	StoredFrom uint64 `cbor:"stored_from"`
	StoredTo   uint64 `cbor:"stored_to"`
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
	if len(c.Ancestors) > MaxAncestors {
		return fmt.Errorf("telemetry claims: %d ancestors, limit %d", len(c.Ancestors), MaxAncestors)
	}
	younger := (*Genesis)(nil)
	for i, doc := range append([][]byte{c.Genesis}, c.Ancestors...) {
		g, err := ParseGenesis(doc)
		if err != nil {
			return fmt.Errorf("telemetry claims: %w", err)
		}
		if i > 0 && (younger.Previous == nil || younger.Previous.Genesis != Start(doc).Genesis) {
			return errors.New("telemetry claims: an ancestor that the chain behind it does not name")
		}
		younger = g
	}
	switch {
	case c.Index > 1<<53:
		return errors.New("telemetry claims: index out of range")
	case c.Index == 0 && c.Hash != Start(c.Genesis).Hash:
		return errors.New("telemetry claims: no record, and a hash that is not the genesis document's")
	case c.StoredFrom > c.StoredTo || c.StoredTo > c.Index || c.Anchored > c.Index:
		return errors.New("telemetry claims: stored or anchored behind the head")
	case c.Now < c.Uptime || c.Now > 1<<53 || c.At > 1<<53:
		return errors.New("telemetry claims: time out of range")
	}
	return nil
}
