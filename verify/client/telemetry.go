package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/sign"
)

// Records names a stretch of a chain, and the quoted head up to which the way from it is to be shown.
type Records struct {
	Head        telemetry.Head
	First, Last uint64
}

// Telemetry asks once for a stretch of the node's stored telemetry. Nothing of the answer is checked but its form.
func (c *Client) Telemetry(ctx context.Context, key *ecdsa.PrivateKey, audience attest.UEID, r Records) (*telemetry.History, error) {
	start := c.now()
	q := attest.TelemetryRequest{Profiles: []string{attest.Profile}, Issued: millis(start), Expires: millis(start.Add(Life)), Audience: audience,
		Genesis: r.Head.Genesis, First: r.First, Last: r.Last, Head: r.Head.Index}
	if _, err := rand.Read(q.Nonce[:]); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	payload, err := attest.Marshal(q)
	if err != nil {
		return nil, err
	}
	signed, err := sign.Seal(key, attest.TypeTelemetry, payload)
	if err != nil {
		return nil, err
	}
	b, _, err := c.do(ctx, http.MethodPost, "/v1/telemetry", attest.TypeTelemetry, signed, telemetry.MaxHistory, start)
	if err != nil {
		return nil, err
	}
	return telemetry.ParseHistory(b)
}

// History asks until all of a stretch is there, and joins the answers. Each must go
// on where the one before it ended, so that a node cannot keep a validator asking for
// ever. What the records hash to is for the caller. Progress may be nil.
func (c *Client) History(ctx context.Context, key *ecdsa.PrivateKey, audience attest.UEID, r Records, progress func(last uint64)) (*telemetry.History, error) {
	var all *telemetry.History
	size := 0
	for at := (telemetry.Head{}); ; {
		h, err := c.Telemetry(ctx, key, audience, r)
		if err != nil {
			return nil, err
		}
		for _, b := range h.Chunks {
			if size += len(b); size > telemetry.MaxHistory {
				return nil, fmt.Errorf("telemetry: over %d bytes: ask for less at once", telemetry.MaxHistory)
			}
			chunk, err := telemetry.ParseChunk(b)
			if err != nil {
				return nil, err
			}
			if at != (telemetry.Head{}) && chunk.Begin() != at {
				return nil, fmt.Errorf("telemetry: the answer goes on at record %d, not behind record %d", chunk.First, at.Index)
			}
			at = chunk.End()
		}
		if all == nil {
			all = &telemetry.History{Genesis: h.Genesis, Anchors: []telemetry.Anchor{}}
		}
		all.Chunks, all.Trail = append(all.Chunks, h.Chunks...), append([]attest.Digest{}, h.Trail...)
		if all.Anchors = joinAnchors(all.Anchors, h.Anchors); len(all.Anchors) > telemetry.MaxAnchors {
			return nil, fmt.Errorf("telemetry: over %d anchors: ask for less at once", telemetry.MaxAnchors)
		}
		if progress != nil {
			progress(at.Index)
		}
		switch {
		case !h.More:
			return all, nil
		case len(h.Chunks) == 0:
			return nil, errors.New("telemetry: the node says that there is more, and sends nothing")
		case at.Index >= r.Last:
			r.Last = at.Index + 1 // the records are there, and the way to the head is not
		}
		if r.First = at.Index + 1; r.First > r.Head.Index {
			return nil, errors.New("telemetry: the node says that there is more behind the quoted head")
		}
	}
}

// joinAnchors adds those over heads that have none yet: what an answer repeats of the one before it is one anchor.
func joinAnchors(all, more []telemetry.Anchor) []telemetry.Anchor {
	for _, a := range more {
		if !slices.ContainsFunc(all, func(b telemetry.Anchor) bool { return b.Head == a.Head }) {
			all = append(all, a)
		}
	}
	return all
}
