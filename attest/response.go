package attest

import "fmt"

// Response is what the node sends back for one challenge.
type Response struct {
	Evidence []byte          `cbor:"1,keyasint"` // CWT, shared by the whole batch
	Answer   []byte          `cbor:"2,keyasint"` // an encoded Answer, this challenge's own
	Size     uint32          `cbor:"3,keyasint"` // leaves in the batch
	Index    uint32          `cbor:"4,keyasint"` // this challenge's leaf
	Path     []Digest        `cbor:"5,keyasint"` // inclusion path, leaf upward
	Logs     map[string]Part `cbor:"6,keyasint"` // unsigned; reserved, empty in this version
}

// Part is a stretch of a log beside the envelope.
type Part struct {
	Offset uint64 `cbor:"offset"`
	Bytes  []byte `cbor:"bytes"`
}

// ParseResponse decodes a response and compares it with the limits.
func ParseResponse(b []byte) (*Response, error) {
	var r Response
	if err := Unmarshal(b, &r, MaxResponseSize); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	switch {
	case len(r.Evidence) > MaxEvidenceSize:
		return nil, fmt.Errorf("response: evidence of %d bytes, limit %d", len(r.Evidence), MaxEvidenceSize)
	case len(r.Answer) > MaxAnswerSize:
		return nil, fmt.Errorf("response: answer of %d bytes, limit %d", len(r.Answer), MaxAnswerSize)
	case r.Size == 0 || r.Size > MaxBatch:
		return nil, fmt.Errorf("response: batch of %d, want 1 to %d", r.Size, MaxBatch)
	case r.Index >= r.Size:
		return nil, fmt.Errorf("response: index %d in a batch of %d", r.Index, r.Size)
	case len(r.Path) > MaxPath:
		return nil, fmt.Errorf("response: path of %d, limit %d", len(r.Path), MaxPath)
	case len(r.Logs) != 0:
		return nil, fmt.Errorf("response: logs are reserved in this version")
	}
	return &r, nil
}

// Answer holds what belongs to one challenge alone.
type Answer struct {
	// Channel is the TLS exporter (RFC 9266) of the connection that carries the response, nil for "none".
	Channel *Digest `cbor:"1,keyasint"`
}

// ParseAnswer decodes an answer.
func ParseAnswer(b []byte) (*Answer, error) {
	var a Answer
	if err := Unmarshal(b, &a, MaxAnswerSize); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &a, nil
}

// ExporterLabel and ExporterSize are RFC 9266's channel binding; no context.
const (
	ExporterLabel = "EXPORTER-Channel-Binding"
	ExporterSize  = 32
)
