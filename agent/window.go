package agent

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/agent/recorder"
	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Limits of histories: somebody's disk is read for them.
const (
	historySize       = 8 << 20 // chunks of one history
	historyPerMinute  = 12      // by key
	historyBurst      = 24
	historyReadWithin = 20 * time.Second
)

// window reads the telemetry that a challenge asks for. It runs after the quote, so what
// it gives reaches the quoted head. Only listed validators get it: it names processes and loads.
func (f *Frontend) window(ctx context.Context, asked *attest.WindowRequest) (*attest.Window, error) {
	p := &TelemetryParams{Seconds: asked.Seconds}
	if s := asked.Since; s != nil {
		p.At = &recorder.Cursor{Genesis: s.Genesis, First: s.Index + 1}
	}
	chunks, next, absent, err := f.chunks(ctx, p, attest.MaxWindowSize, nil)
	switch {
	case err != nil:
		return nil, err
	case absent == nil && (next != nil || len(chunks) > attest.MaxWindowChunks):
		a := attest.Absent(attest.WindowAbsent, attest.Oversize, "over %d bytes: ask with a shorter --window, or fetch them with hallmark telemetry (POST /v1/telemetry)", attest.MaxWindowSize)
		absent = &a
	case absent == nil && len(chunks) == 0:
		a := attest.Absent(attest.WindowAbsent, attest.NotYet, "no record behind the one that is named")
		absent = &a
	}
	if absent != nil {
		return &attest.Window{Absent: absent, Chunks: [][]byte{}}, nil
	}
	return &attest.Window{Chunks: chunks}, nil
}

// chunks collects chunks until the newest record, until done says so of the next cursor, or
// up to most bytes; then next is where to go on. An absence says what lies behind the
// chunks, if any, and cannot be had.
func (f *Frontend) chunks(ctx context.Context, p *TelemetryParams, most int, done func(*recorder.Cursor) bool) (chunks [][]byte, next *recorder.Cursor, absent *attest.Absence, err error) {
	total := 0
	for {
		p.Most = uint32(min(most-total, maxParts))
		part, err := f.half.Telemetry(ctx, p)
		if err != nil {
			return nil, nil, nil, err
		}
		if part.Absent != nil {
			return chunks, p.At, part.Absent, nil
		}
		for _, c := range part.Chunks {
			total += len(c)
		}
		if total > most {
			return chunks, p.At, nil, nil
		}
		chunks = append(chunks, part.Chunks...)
		if part.Next == nil || done != nil && done(part.Next) {
			return chunks, nil, nil, nil
		}
		p = &TelemetryParams{At: part.Next}
	}
}

// serveTelemetry answers a validator that asks for history.
func (f *Frontend) serveTelemetry(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	a, n, err := f.telemetry(w, r)
	f.logOutcome(r, "telemetry", a, err, "chunks", n, "dur", time.Since(start))
	return err
}

func (f *Frontend) telemetry(w http.ResponseWriter, r *http.Request) (*admission, int, error) {
	if f.stopping.Load() {
		return nil, 0, errStopping
	}
	a, err := f.admit(r, telemetrySort)
	if err != nil {
		return a, 0, err
	}
	if _, wait := f.histories.take(a.key, f.now()); wait > 0 {
		return a, 0, &Refusal{Name: attest.ProblemRate, Detail: fmt.Sprintf("history is given %d times a minute to one key", historyPerMinute), Retry: wait}
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyReadWithin)
	defer cancel()
	give, err := f.logPlaces.take(ctx, a.key)
	if err != nil {
		return a, 0, refuse(attest.ProblemTimeout, "others are being answered")
	}
	defer give()
	h, err := f.history(ctx, a.payload.(*attest.TelemetryRequest))
	if err != nil {
		return a, 0, err
	}
	b, err := attest.Marshal(h)
	if err != nil {
		return a, 0, err
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(f.logsWithin)) // the server sets its own again with the next request
	return a, len(h.Chunks), write(w, attest.TypeHistory, b)
}

// history reads what a request asks for, up to its limit. Where the first record wanted is
// no longer kept it begins at the oldest one, as the number in its first chunk says.
func (f *Frontend) history(ctx context.Context, q *attest.TelemetryRequest) (*telemetry.History, error) {
	past := func(at *recorder.Cursor) bool { return at.Genesis != q.Genesis || at.First > q.Last }
	h := &telemetry.History{Trail: []attest.Digest{}, Anchors: []telemetry.Anchor{}}
	chunks, next, absent, err := f.chunks(ctx, &TelemetryParams{At: &recorder.Cursor{Genesis: q.Genesis, First: q.First}, OrOldest: true}, historySize, past)
	if err != nil {
		return nil, err
	}
	if len(chunks) == 0 { // what is absent behind chunks is said to whoever asks for it next
		why := "no such record"
		if absent != nil {
			why = absent.Detail
		}
		return nil, refuse(attest.ProblemNotFound, "telemetry: %s", why)
	}
	h.Chunks, h.More = chunks, next != nil
	end := uint64(0)
	for i, b := range chunks {
		c, err := telemetry.ParseChunk(b)
		if err != nil || c.Genesis != q.Genesis {
			h.Chunks = chunks[:i] // the next chain's: it is asked for by its own name
			break
		}
		if c.First > q.Last {
			return nil, refuse(attest.ProblemNotFound, "telemetry: records before %d are no longer kept", c.First)
		}
		if end = c.End().Index; end >= q.Last {
			h.Chunks, h.More = chunks[:i+1], false
			break
		}
	}
	if q.Head > end && !h.More {
		part, err := f.half.Telemetry(ctx, &TelemetryParams{Trail: &TelemetryStretch{q.Genesis, end + 1, q.Head}})
		if err != nil {
			return nil, err
		}
		if part.Absent != nil {
			return nil, refuse(attest.ProblemNotFound, "telemetry: %s", part.Absent.Detail)
		}
		h.Trail = part.Trail
	}
	shown := max(q.Head, end)
	if h.More {
		shown = end // the anchors behind it come with the records behind it
	}
	part, err := f.half.Telemetry(ctx, &TelemetryParams{Documents: &TelemetryStretch{q.Genesis, q.First, shown}})
	if err != nil {
		return nil, err
	}
	h.Genesis = part.Documents
	if part.Anchors != nil {
		h.Anchors = part.Anchors
	}
	return h, nil
}
