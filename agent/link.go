package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hallmark-attest/hallmark/attest"
)

// The link between front end and collector: frames of a big-endian u32 length
// and one deterministic CBOR map, a request {id, method, params} or a reply
// {id, result | error | quoting}. Several requests may be in flight; replies come in any order.
// The request "cancel" names another's id, has no reply and asks that the other be
// given up: an asker on the network who leaves must not keep the collector at work.

// Limits of the link.
const (
	maxRequestFrame = attest.MaxRequestSize + 4<<10
	maxReplyFrame   = attest.MaxEvidenceSize + 4<<10
	maxInFlight     = 64 // requests served at once per connection; more wait unread
	maxActivations  = 2  // of them enrolments, apart; more are refused, for they wait long and would hold up the rest
	maxLinkConns    = 8

	linkWriteTimeout = 10 * time.Second // a peer that does not read for so long has died
)

// The methods of the link.
const (
	methodIdentity  = "identity"
	methodActivate  = "activate"
	methodPrepare   = "prepare"
	methodEvidence  = "evidence"
	methodLog       = "log"
	methodTelemetry = "telemetry"
	methodCancel    = "cancel"
)

type linkRequest struct {
	ID     uint64          `cbor:"id"`
	Method string          `cbor:"method"`
	Params cbor.RawMessage `cbor:"params"`
}

type linkReply struct {
	ID     uint64          `cbor:"id"`
	Result cbor.RawMessage `cbor:"result,omitempty"`
	Error  *linkError      `cbor:"error,omitempty"`
	// Quoting says that evidence has been bound and is being quoted; the reply proper follows.
	Quoting bool `cbor:"quoting,omitempty"`

	bytes []byte // in place of Result, where that is one byte string: see linkbytes.go
}

type linkError struct {
	Code   string `cbor:"code"` // one of attest.Problem*
	Detail string `cbor:"detail"`
	Retry  uint64 `cbor:"retry_ms"`
}

// writeFrame writes one frame with a single Write, so that writers need only one lock.
func writeFrame(w io.Writer, v any, limit int) error {
	b, err := attest.Marshal(v)
	if err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return sendFrame(w, append(make([]byte, frameHead, frameHead+len(b)), b...), limit)
}

// frameHead is the size of a frame's length.
const frameHead = 4

// sendFrame fills in the length in front of a frame's content and writes both.
func sendFrame(w io.Writer, frame []byte, limit int) error {
	n := len(frame) - frameHead
	if n > limit {
		return fmt.Errorf("link: frame of %d bytes, limit %d", n, limit)
	}
	binary.BigEndian.PutUint32(frame, uint32(n))
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("link: %w", err)
	}
	return nil
}

// writeReply writes one reply.
func writeReply(w io.Writer, p *linkReply) error {
	if p.bytes == nil {
		return writeFrame(w, p, maxReplyFrame)
	}
	return sendFrame(w, appendBytesReply(make([]byte, frameHead, frameHead+len(p.bytes)+32), p.ID, p.bytes), maxReplyFrame)
}

// readFrame reads one frame's content. The length is compared with the limit
// before it is allocated; io.EOF means that the other side closed between frames.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		return nil, fmt.Errorf("link: frame length: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || uint64(n) > uint64(limit) {
		return nil, fmt.Errorf("link: frame of %d bytes, want 1 to %d", n, limit)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("link: frame: %w", io.ErrUnexpectedEOF) // not a clean end
	} else if err != nil {
		return nil, fmt.Errorf("link: frame: %w", err)
	}
	return b, nil
}

func parseLinkRequest(b []byte) (*linkRequest, error) {
	var q linkRequest
	if err := attest.Unmarshal(b, &q, maxRequestFrame); err != nil {
		return nil, fmt.Errorf("link: request: %w", err)
	}
	return &q, nil
}

func parseLinkReply(b []byte) (*linkReply, error) {
	if id, result, ok := cutBytesReply(b); ok {
		return &linkReply{ID: id, bytes: result}, nil
	}
	var p linkReply
	if err := attest.Unmarshal(b, &p, maxReplyFrame); err != nil {
		return nil, fmt.Errorf("link: reply: %w", err)
	}
	n := 0
	for _, there := range []bool{len(p.Result) > 0, p.Error != nil, p.Quoting} {
		if there {
			n++
		}
	}
	if n != 1 {
		return nil, errors.New("link: reply: wants exactly one of result, error and quoting")
	}
	return &p, nil
}
