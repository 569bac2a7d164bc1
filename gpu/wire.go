package gpu

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hallmark-attest/hallmark/attest"
)

// Protocol is the version of the frames between agent and probe.
const Protocol = 2

// Methods of the probe.
const (
	MethodHello    = "hello"
	MethodSnapshot = "snapshot"
)

// Request asks the probe for one thing. One request is in flight at a time.
type Request struct {
	ID     uint64 `cbor:"id"`
	Method string `cbor:"method"`
	Params []byte `cbor:"params,omitempty"` // encoded SnapshotParams or SweepParams, as the method has it
}

// Reply answers the request of the same ID with either a result, the encoding of
// a Hello, of Claims or of a Sweep, or an error.
type Reply struct {
	ID     uint64      `cbor:"id"`
	Result []byte      `cbor:"result,omitempty"`
	Error  *ReplyError `cbor:"error,omitempty"`
}

// ReplyError is why the probe has no result: an absence of the whole kind.
type ReplyError struct {
	Reason attest.Reason `cbor:"reason"`
	Detail string        `cbor:"detail"`
}

// Hello is the probe's account of itself. The agent takes none of it as proof: the
// digests in evidence are those the agent reads from the probe's own mappings.
type Hello struct {
	Protocol uint64 `cbor:"protocol"`
	Version  string `cbor:"version"`
	PID      uint64 `cbor:"pid"`
	Library  string `cbor:"library"` // as asked for, not as resolved
}

// WriteFrame writes v as one frame: u32 big-endian length, then deterministic CBOR.
func WriteFrame(w io.Writer, v any, limit int) error {
	body, err := attest.Marshal(v)
	if err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	if len(body) > limit {
		return fmt.Errorf("frame: %d bytes, limit %d", len(body), limit)
	}
	frame := append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body))), body...)
	if _, err := w.Write(frame); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}

// readFrame reads one frame into v. It reads not one byte more than the frame, and
// returns io.EOF, unwrapped, when the stream ends before one begins.
func readFrame(r io.Reader, v any, limit int) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if err == io.EOF {
			return err
		}
		return fmt.Errorf("frame: length: %w", err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if uint64(n) > uint64(limit) {
		return fmt.Errorf("frame: %d bytes, limit %d", n, limit)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("frame: body of %d bytes: %w", n, noEOF(err))
	}
	if err := attest.Unmarshal(body, v, limit); err != nil {
		return fmt.Errorf("frame: %w", err)
	}
	return nil
}

// noEOF keeps a frame that was cut short from looking like a stream that ended.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadRequest reads one request.
func ReadRequest(r io.Reader) (Request, error) {
	var q Request
	if err := readFrame(r, &q, MaxRequestSize); err != nil {
		return q, err
	}
	if q.Method == "" || len(q.Method) > MaxMethod {
		return q, fmt.Errorf("request %d: method of %d bytes", q.ID, len(q.Method))
	}
	if q.Params != nil && len(q.Params) == 0 || len(q.Params) > MaxParams {
		return q, fmt.Errorf("request %d: %d bytes of parameters, want none or up to %d", q.ID, len(q.Params), MaxParams)
	}
	return q, nil
}

// ReadReply reads one reply and checks that it is either a result or an error.
func ReadReply(r io.Reader) (Reply, error) {
	var p Reply
	if err := readFrame(r, &p, MaxReplySize); err != nil {
		return p, err
	}
	switch e := p.Error; {
	case (e != nil) == (len(p.Result) > 0):
		return p, fmt.Errorf("reply %d: neither result nor error, or both", p.ID)
	case e != nil && !e.Reason.Known():
		return p, fmt.Errorf("reply %d: unknown reason", p.ID)
	case e != nil && len(e.Detail) > attest.MaxDetail:
		return p, fmt.Errorf("reply %d: detail of %d bytes", p.ID, len(e.Detail))
	}
	return p, nil
}

// ParseHello decodes the result of MethodHello.
func ParseHello(b []byte) (Hello, error) {
	var h Hello
	if err := attest.Unmarshal(b, &h, MaxRequestSize); err != nil {
		return h, fmt.Errorf("hello: %w", err)
	}
	if h.Protocol != Protocol {
		return h, fmt.Errorf("hello: protocol %d, want %d: agent and probe are of different releases", h.Protocol, Protocol)
	}
	return h, nil
}
