package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// Times of telemetry.
const (
	anchorEvery  = 10 * time.Minute
	ueidPatience = 10 * time.Second // that a chain waits for the TPM, to name the node in its genesis
)

// TelemetrySource states the chain's head. It is read after the batch is frozen: the
// quote takes the latest head, and cuts nothing.
func TelemetrySource(r *recorder.Recorder) Source {
	return Source{Kind: attest.KindTelemetry, Deadline: fastDeadline,
		Check:   func(b []byte) error { _, err := telemetry.Parse(b); return err },
		Collect: func(context.Context) (any, error) { return r.Claims() }}
}

// TelemetryParams ask for one part of what the recorder keeps: chunks from At on, or of
// the last Seconds; or the digests of records; or documents and anchors.
type TelemetryParams struct {
	At        *recorder.Cursor  `cbor:"at,omitempty"`
	OrOldest  bool              `cbor:"or_oldest,omitempty"` // where the record at At is no longer kept, from the oldest on
	Seconds   uint32            `cbor:"seconds,omitempty"`
	Most      uint32            `cbor:"most,omitempty"` // bytes of chunks
	Trail     *TelemetryStretch `cbor:"trail,omitempty"`
	Documents *TelemetryStretch `cbor:"documents,omitempty"`
}

// TelemetryStretch is records of one chain.
type TelemetryStretch struct {
	Genesis attest.Digest `cbor:"genesis"`
	From    uint64        `cbor:"from"`
	To      uint64        `cbor:"to"`
}

// TelemetryPart is one reply of the recorder.
type TelemetryPart struct {
	Absent    *attest.Absence    `cbor:"absent,omitempty"`
	Chunks    [][]byte           `cbor:"chunks"`
	Next      *recorder.Cursor   `cbor:"next,omitempty"` // nil behind the newest record
	Trail     []attest.Digest    `cbor:"trail"`
	Documents [][]byte           `cbor:"documents"`
	Anchors   []telemetry.Anchor `cbor:"anchors"`
}

// Telemetry implements Half.
func (c *Collector) Telemetry(ctx context.Context, p *TelemetryParams) (*TelemetryPart, error) {
	r := c.o.Telemetry
	if r == nil {
		a := attest.Absent(attest.WindowAbsent, attest.NotConfigured, "this node keeps no telemetry: gpu.library is none")
		return &TelemetryPart{Absent: &a}, nil
	}
	part, err := telemetryPart(ctx, r, p)
	var why *attest.AbsentError
	switch {
	case errors.As(err, &why):
		why.Absence.What = attest.WindowAbsent
		return &TelemetryPart{Absent: &why.Absence}, nil
	case err != nil:
		c.o.Log.Warn("telemetry not read", "err", err)
		a := attest.Absent(attest.WindowAbsent, attest.Failed, "%s", attest.Clean(err.Error()))
		return &TelemetryPart{Absent: &a}, nil
	}
	return part, nil
}

func telemetryPart(ctx context.Context, r *recorder.Recorder, p *TelemetryParams) (part *TelemetryPart, err error) {
	part = &TelemetryPart{}
	switch at := p.At; {
	case p.Trail != nil:
		part.Trail, err = r.Trail(ctx, p.Trail.Genesis, p.Trail.From, p.Trail.To)
	case p.Documents != nil:
		part.Documents, part.Anchors = r.Documents(p.Documents.Genesis, p.Documents.From, p.Documents.To)
	default:
		if at == nil {
			first, err := r.Since(p.Seconds)
			if err != nil {
				return nil, err
			}
			at = &first
		}
		if p.OrOldest {
			from := r.OrOldest(*at)
			at = &from
		}
		part.Chunks, part.Next, err = r.Chunks(ctx, *at, int(min(p.Most, maxParts)))
	}
	return part, err
}

// telemetry records until ctx ends, once it is known whose chain it is.
func (c *Collector) telemetry(ctx context.Context) {
	var ueid attest.UEID
	for patience := time.Now().Add(ueidPatience); time.Now().Before(patience) && ctx.Err() == nil; {
		id, _, err := c.root()
		if err == nil {
			ueid = id
			break
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	c.o.Telemetry.Run(ctx, ueid)
}

// anchors quotes the chain's head by itself, every ten minutes.
func (c *Collector) anchors(ctx context.Context, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if err := c.anchor(ctx); err != nil && ctx.Err() == nil {
			c.o.Log.Warn("telemetry not anchored", "err", err)
		}
	}
}

// anchor makes one quote over the head. It waits for its turn behind challenges.
func (c *Collector) anchor(ctx context.Context) error {
	if _, ok := c.o.Telemetry.Head(); !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	if err := c.turn.take(ctx, false); err != nil {
		return fmt.Errorf("the TPM is busy: %w", err)
	}
	defer c.turn.give()
	_, t, err := c.root()
	if err != nil {
		return err
	}
	head, _ := c.o.Telemetry.Head()
	at := millis(c.o.Now())
	q, err := t.Quote(ctx, head.Anchor())
	if err != nil {
		t.failed(err)
		return err
	}
	raw, ok := q.(tpm.Quote)
	if !ok {
		return fmt.Errorf("quote of type %T", q)
	}
	return c.o.Telemetry.Anchored(&telemetry.Anchor{Head: head, At: at, Attest: raw.Attest, Signature: raw.Signature})
}
