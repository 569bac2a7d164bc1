package agent

import (
	"io"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Reading of bodies. A challenge has some hundred bytes, an activation below two
// thousand: those are read at once, and all connections together hold at most
// maxConnections times smallBody. Larger ones, which the format allows, take one
// of a few places. So whoever sends many large bodies slowly costs bounded
// memory and gets in the way of large bodies only.
const (
	smallBody      = 4 << 10
	maxLargeBodies = 128
	largeBodyWait  = 2 * time.Second
)

// bodies holds the places for large bodies.
type bodies chan struct{}

// checkHeader refuses what the header alone tells.
func checkHeader(r *http.Request, typ string) error {
	if got := r.Header.Get("Content-Type"); got != typ {
		return refuse(attest.ProblemMediaType, "content type %.80q, want %q", got, typ)
	}
	if r.ContentLength > attest.MaxRequestSize {
		return refuse(attest.ProblemTooLarge, "%d bytes, limit %d", r.ContentLength, attest.MaxRequestSize)
	}
	return nil
}

// read reads a body to its end, which net/http needs to notice that an asker
// leaves. Of an asker who is overdrawn only a small one is read, to see in whose name it is.
func (p bodies) read(r *http.Request, overdrawn error) ([]byte, error) {
	body, err := readUpTo(r, nil, smallBody)
	if err != nil || len(body) <= smallBody {
		return body, err
	}
	if overdrawn != nil {
		return nil, overdrawn
	}
	wait := time.NewTimer(largeBodyWait)
	defer wait.Stop()
	select {
	case p <- struct{}{}:
		defer func() { <-p }()
	case <-wait.C:
		return nil, &Refusal{Name: attest.ProblemBusy, Detail: "too many large requests are being read", Retry: 5 * time.Second}
	}
	if body, err = readUpTo(r, body, attest.MaxRequestSize); err != nil {
		return nil, err
	}
	if len(body) > attest.MaxRequestSize {
		return nil, refuse(attest.ProblemTooLarge, "more than %d bytes", attest.MaxRequestSize)
	}
	return body, nil
}

// readUpTo appends the rest of the body to what was read, but at most one byte more than limit together.
func readUpTo(r *http.Request, read []byte, limit int) ([]byte, error) {
	rest, err := io.ReadAll(io.LimitReader(r.Body, int64(limit+1-len(read))))
	if err != nil {
		return nil, refuse(attest.ProblemMalformed, "the body ended early")
	}
	return append(read, rest...), nil
}
