package replay

import (
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// dstackRuntime is the type of dstack's own events (dstack: cc-eventlog, DSTACK_RUNTIME_EVENT_TYPE).
const dstackRuntime = 0x08000001

// Dstack reads an event log as dstack returns it with a quote: a JSON array of all registers' events, boot and run time. Name and
// payload of a runtime event are proven where they give its digest by dstack's first form; others are events like any.
func Dstack(log []byte) ([]Event, error) {
	if len(log) > MaxLog {
		return nil, fmt.Errorf("dstack log: %d bytes, limit %d: %w", len(log), MaxLog, ErrMalformed)
	}
	var list []struct {
		IMR     *int   `json:"imr"`
		Type    uint32 `json:"event_type"`
		Digest  string `json:"digest"`
		Name    string `json:"event"`
		Payload string `json:"event_payload"`
	}
	if err := json.Unmarshal(log, &list); err != nil {
		return nil, fmt.Errorf("dstack log: %w: %w", err, ErrMalformed)
	}
	if len(list) > MaxEvents {
		return nil, fmt.Errorf("dstack log: %d events, limit %d: %w", len(list), MaxEvents, ErrMalformed)
	}
	out := make([]Event, len(list))
	for i, e := range list {
		digest, err := hex.DecodeString(e.Digest)
		payload, err2 := hex.DecodeString(e.Payload)
		if err != nil || err2 != nil || len(digest) != len(quote.Measurement{}) || e.IMR == nil || *e.IMR < 0 || *e.IMR > 3 {
			return nil, fmt.Errorf("dstack log: event %d: register, digest or payload: %w", i, ErrMalformed)
		}
		out[i] = Event{RTMR: *e.IMR, Type: e.Type, Digest: quote.Measurement(digest), Name: e.Name, Data: payload}
		out[i].Proven = e.Type == dstackRuntime && out[i].Digest == dstackDigest(e.Name, payload)
	}
	return out, nil
}

// dstackDigest is the digest of a runtime event: SHA-384(u32le type || ":" || name || ":" || payload). A colon in the name would make two
// events of one digest, so such a name is never proven.
func dstackDigest(name string, payload []byte) (d quote.Measurement) {
	for _, c := range name {
		if c == ':' {
			return d
		}
	}
	b := binary.LittleEndian.AppendUint32(nil, dstackRuntime)
	b = append(b, ":"+name+":"...)
	return sha512.Sum384(append(b, payload...))
}
