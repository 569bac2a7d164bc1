package attest

import (
	"fmt"
	"slices"
)

// Response is what the node sends back for one challenge.
type Response struct {
	Evidence []byte          `cbor:"1,keyasint"`           // CWT, shared by the whole batch
	Answer   []byte          `cbor:"2,keyasint"`           // an encoded Answer, this challenge's own
	Size     uint32          `cbor:"3,keyasint"`           // leaves in the batch
	Index    uint32          `cbor:"4,keyasint"`           // this challenge's leaf
	Path     []Digest        `cbor:"5,keyasint"`           // inclusion path, leaf upward
	Logs     map[string]Part `cbor:"6,keyasint"`           // by name, exactly those asked for; unsigned: worth what replays
	Window   *Window         `cbor:"7,keyasint,omitempty"` // exactly where the challenge asks; unsigned: worth what hashes to the quoted head
}

// The logs a response may carry.
const (
	LogBoot = "boot" // TCG2 event log of the firmware
	LogIMA  = "ima"  // binary_runtime_measurements of the kernel
	LogCEL  = "cel"  // the agent's runtime events (package attest/runlog)
	LogCCEL = "ccel" // event log of a TD's virtual firmware, behind its ACPI table
	LogRTMR = "rtmr" // the agent's runtime events in RTMR3 of a TD
)

// LogNames lists the logs of this version, sorted.
func LogNames() []string { return []string{LogBoot, LogCCEL, LogCEL, LogIMA, LogRTMR} }

// Part is a stretch of a log beside the envelope.
type Part struct {
	Offset uint64 `cbor:"offset"` // of the first byte, in the node's log
	Bytes  []byte `cbor:"bytes"`
	More   bool   `cbor:"more"` // the log goes on after these bytes
	// Absent says why there is no such log; then Bytes is empty.
	Absent *Absence `cbor:"absent,omitempty"`
}

func checkLogs(logs map[string]Part) error {
	for name, p := range logs {
		switch {
		case !slices.Contains(LogNames(), name):
			return fmt.Errorf("log %q is not read by this version", cut(name, 40))
		case len(p.Bytes) > MaxLogSize:
			return fmt.Errorf("log %s of %d bytes, limit %d", name, len(p.Bytes), MaxLogSize)
		case p.Absent != nil && (len(p.Bytes) != 0 || p.More || p.Absent.What != name):
			return fmt.Errorf("log %s: both absent and there", name)
		}
		if p.Absent != nil {
			if err := CheckAbsences([]Absence{*p.Absent}); err != nil {
				return fmt.Errorf("log %s: %w", name, err)
			}
		}
	}
	return nil
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
	}
	if err := checkLogs(r.Logs); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	if err := r.Window.check(); err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	return &r, nil
}

// Answer holds what belongs to one challenge alone.
type Answer struct {
	// Channel is the TLS exporter (RFC 9266) of the connection that carries the response, nil for "none".
	Channel *Digest `cbor:"1,keyasint"`
	// Blocks proves weights, in the order of the challenge that asked; empty where none did.
	Blocks []BlockAnswer `cbor:"2,keyasint,omitempty"`
}

// ParseAnswer decodes an answer.
func ParseAnswer(b []byte) (*Answer, error) {
	var a Answer
	if err := Unmarshal(b, &a, MaxAnswerSize); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	if err := CheckBlockAnswers(a.Blocks); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return &a, nil
}

// ExporterLabel and ExporterSize are RFC 9266's channel binding; no context.
const (
	ExporterLabel = "EXPORTER-Channel-Binding"
	ExporterSize  = 32
)
