package attest

import (
	"errors"
	"fmt"
)

// WindowRequest asks for telemetry beside the evidence: exactly one of its fields.
type WindowRequest struct {
	// Seconds before the quote, up to MaxWindowSeconds.
	Seconds uint32 `cbor:"seconds,omitempty"`
	// Since is a head that an earlier quote showed: all records behind it are wanted.
	Since *ChainPoint `cbor:"since,omitempty"`
}

// ChainPoint names a record of a chain of telemetry.
type ChainPoint struct {
	Genesis Digest `cbor:"genesis"`
	Index   uint64 `cbor:"index"`
}

func (w *WindowRequest) check() error {
	switch {
	case w == nil:
	case (w.Seconds == 0) == (w.Since == nil):
		return errors.New("window: wants seconds or since, and not both")
	case w.Seconds > MaxWindowSeconds:
		return fmt.Errorf("window of %d s, limit %d", w.Seconds, MaxWindowSeconds)
	case w.Since != nil && w.Since.Index > 1<<53:
		return errors.New("window: index out of range")
	}
	return nil
}

// WindowAbsent is what the absence of a Window names.
const WindowAbsent = "window"

// Window is telemetry beside the envelope: chunks of package telemetry, oldest first.
// It is not signed, and worth what hashes to the quoted head. Chunks are whole
// minutes, so it may begin before what was asked, and end behind the quoted head.
type Window struct {
	Absent *Absence `cbor:"absent,omitempty"` // then Chunks is empty
	Chunks [][]byte `cbor:"chunks"`
}

func (w *Window) check() error {
	if w == nil {
		return nil
	}
	if w.Absent != nil {
		if len(w.Chunks) != 0 || w.Absent.What != WindowAbsent {
			return errors.New("window: both absent and there")
		}
		return w.Absent.check()
	}
	total := 0
	for _, c := range w.Chunks {
		total += len(c)
	}
	if len(w.Chunks) == 0 || len(w.Chunks) > MaxWindowChunks || total > MaxWindowSize {
		return fmt.Errorf("window: %d chunks of %d bytes, limits %d and %d", len(w.Chunks), total, MaxWindowChunks, MaxWindowSize)
	}
	return nil
}

// TelemetryRequest is the payload of a TypeTelemetry document: a validator asks for
// a stretch of a chain of which it holds a quoted head, or of the chains before it.
type TelemetryRequest struct {
	Profiles []string `cbor:"1,keyasint"`
	Nonce    Nonce    `cbor:"2,keyasint"`
	Issued   uint64   `cbor:"3,keyasint"` // milliseconds since the Unix epoch
	Expires  uint64   `cbor:"4,keyasint"` // milliseconds since the Unix epoch
	Audience UEID     `cbor:"5,keyasint"`
	Genesis  Digest   `cbor:"6,keyasint"` // names the chain
	First    uint64   `cbor:"7,keyasint"` // first record wanted, from 1
	Last     uint64   `cbor:"8,keyasint"` // last record wanted, at least First
	// Head is up to where the way from Last is to be shown, by digests of records; at
	// least Last. Zero: nothing is shown, and the chunks end where they end.
	Head uint64 `cbor:"9,keyasint"`
}

// Request returns the part that every signed request has.
func (r *TelemetryRequest) Request() Request {
	return Request{r.Nonce, r.Issued, r.Expires, r.Audience}
}

// ParseTelemetryRequest decodes and checks a request's payload.
func ParseTelemetryRequest(b []byte) (*TelemetryRequest, error) {
	var r TelemetryRequest
	if err := Unmarshal(b, &r, MaxRequestSize); err != nil {
		return nil, fmt.Errorf("telemetry request: %w", err)
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("telemetry request: %w", err)
	}
	return &r, nil
}

// Check compares every field with its limit.
func (r *TelemetryRequest) Check() error {
	if err := r.Request().check(); err != nil {
		return err
	}
	if n := len(r.Profiles); n == 0 || n > MaxProfiles {
		return fmt.Errorf("%d profiles, want 1 to %d", n, MaxProfiles)
	}
	switch {
	case r.First == 0 || r.Last < r.First || r.Last > 1<<53:
		return fmt.Errorf("records %d to %d", r.First, r.Last)
	case r.Head != 0 && (r.Head < r.Last || r.Head > 1<<53):
		return fmt.Errorf("records to %d, with the way to %d", r.Last, r.Head)
	}
	return nil
}
