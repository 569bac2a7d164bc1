package agent

import (
	"context"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// logsWithin is how long an answer with logs may take to be written; then its connection is cut. It is held in
// memory until then, and its place with it. The largest (MaxResponseSize) asks for 7 Mbit/s, a full list of 6 MiB for 2.
const logsWithin = 30 * time.Second

// beside reads what a challenge asks for beside the envelope, logs and telemetry. It
// runs after the quote: a list that grows meanwhile then holds at least what was quoted.
// They name programs, files and loads of the whole host, so only listed validators get them.
// written is to be called when the answer was written, or never will be.
func (f *Frontend) beside(ctx context.Context, c *attest.Challenge, a *admission, resp *attest.Response) (written func(), err error) {
	resp.Logs = map[string]attest.Part{}
	offsets := c.Logs.Offsets()
	if len(offsets) == 0 && c.Window == nil {
		return func() {}, nil
	}
	if !a.listed {
		nothingBeside(resp, offsets, c.Window)
		return func() {}, nil
	}
	give, err := f.logPlaces.take(ctx, a.key)
	if err != nil {
		return nil, refuse(attest.ProblemTimeout, "logs were not read before the challenge's end of life")
	}
	for name, offset := range offsets {
		part, err := f.logPart(ctx, name, offset)
		if err != nil {
			give()
			return nil, err
		}
		resp.Logs[name] = *part
	}
	if c.Window != nil {
		if resp.Window, err = f.window(ctx, c.Window); err != nil {
			give()
			return nil, err
		}
	}
	return give, nil
}

// nothingBeside says why an asker who is not listed gets the evidence alone.
func nothingBeside(resp *attest.Response, offsets map[string]uint64, w *attest.WindowRequest) {
	for name, offset := range offsets {
		a := attest.Absent(name, attest.NotConfigured, "logs are sent to listed validators alone")
		resp.Logs[name] = attest.Part{Offset: offset, Bytes: []byte{}, Absent: &a}
	}
	if w != nil {
		a := attest.Absent(attest.WindowAbsent, attest.NotPermitted, "telemetry is sent to listed validators alone")
		resp.Window = &attest.Window{Absent: &a, Chunks: [][]byte{}}
	}
}

// respondWithin writes a response; a large one, with logs or blocks, within their time: an asker who does not read loses its connection, not everybody's place.
func (f *Frontend) respondWithin(w http.ResponseWriter, r *http.Request, resp *attest.Response, large bool) error {
	if large {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(f.logsWithin)) // the server sets its own again with the next request
	}
	return respond(w, r, resp)
}

// logPart reads one log from an offset, up to its limit.
func (f *Frontend) logPart(ctx context.Context, name string, offset uint64) (*attest.Part, error) {
	part := &attest.Part{Offset: offset, Bytes: []byte{}, More: true}
	for part.More && len(part.Bytes) < attest.MaxLogSize {
		most := min(attest.MaxLogSize-len(part.Bytes), maxLogChunk)
		next, err := f.half.Log(ctx, &LogParams{Name: name, Offset: offset + uint64(len(part.Bytes)), Most: uint32(most)})
		if err != nil {
			return nil, err
		}
		if next.Absent != nil {
			return &attest.Part{Offset: offset, Bytes: []byte{}, Absent: next.Absent}, nil
		}
		if len(next.Bytes) == 0 {
			// No whole entry fits into the rest of this part: it comes in the next one. But a
			// log that says more and gives nothing to a whole chunk has ended.
			part.More = next.More && len(part.Bytes) > 0 && most < maxLogChunk
			break
		}
		part.Bytes = append(part.Bytes, next.Bytes[:min(len(next.Bytes), most)]...)
		part.More = next.More
	}
	return part, nil
}
