package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

var errStopping = &Refusal{Name: attest.ProblemStopping, Detail: "the agent is shutting down", Retry: 10 * time.Second}

func (f *Frontend) serveIdentity(w http.ResponseWriter, r *http.Request) error {
	id, err := f.identity(r.Context())
	if err != nil {
		return err
	}
	b, err := json.Marshal(attest.Identity{Profile: attest.Profile, UEID: id.UEID.String(), EvidenceKey: id.EvidenceKey.String(),
		TLSKey: f.tlsKey.String(), TPM: id.TPM, Version: id.Version})
	if err != nil {
		return err
	}
	return write(w, attest.TypeIdentity, b)
}

// serveChallenge admits one challenge, answers it within its life and logs one line.
func (f *Frontend) serveChallenge(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	a, size, err := f.challenge(w, r)
	f.logOutcome(r, "challenge", a, err, "batch", size, "dur", time.Since(start))
	return err
}

// logOutcome logs one line per request. Refusals of those who have not shown a
// listed key are details: anybody could fill the log with them. The metrics count them.
func (f *Frontend) logOutcome(r *http.Request, what string, a *admission, err error, more ...any) {
	level, outcome := slog.LevelInfo, outcomeAnswered
	attrs := []any{"remote", addressOf(r.RemoteAddr)}
	if a != nil && a.payload != nil {
		attrs = append(attrs, "key", a.key.Short(), "listed", a.listed, "nonce", a.payload.Request().Nonce.Short())
	}
	if err != nil {
		outcome = asRefusal(err).Name
		if r.Context().Err() != nil {
			outcome = outcomeGone
		} else {
			attrs = append(attrs, "detail", asRefusal(err).Detail)
		}
		if a == nil || !a.listed {
			level = slog.LevelDebug
		}
	}
	f.log.Log(r.Context(), level, what, append(append(attrs, more...), "outcome", outcome)...)
}

func (f *Frontend) challenge(w http.ResponseWriter, r *http.Request) (*admission, uint32, error) {
	if f.stopping.Load() {
		return nil, 0, errStopping
	}
	a, err := f.admit(r, challengeSort)
	if err != nil {
		return a, 0, err
	}
	c := a.payload.(*attest.Challenge)
	left := time.Duration(c.Expires-millis(f.now())) * time.Millisecond
	ctx, cancel := context.WithTimeout(r.Context(), min(left, attest.MaxLifeMillis*time.Millisecond))
	defer cancel()
	blocks, proved, err := f.blocks(ctx, c, a)
	if err != nil {
		return a, 0, err
	}
	defer proved()
	answer, err := f.answer(r, blocks)
	if err != nil {
		return a, 0, err
	}
	resp, err := f.batch.submit(ctx, attest.ClassOf(c.Kinds), attest.Leaf(a.body, answer), answer, a.key, a.listed)
	if err != nil {
		return a, 0, err
	}
	written, err := f.beside(ctx, c, a, resp)
	if err != nil {
		return a, 0, err
	}
	defer written()
	return a, resp.Size, f.respondWithin(w, r, resp, len(resp.Logs) > 0 || resp.Window != nil || len(blocks) > 0)
}

// answer makes what belongs to one challenge alone: the exporter of the very
// connection that will carry the response, and the proofs asked for.
func (f *Frontend) answer(r *http.Request, blocks []attest.BlockAnswer) ([]byte, error) {
	if r.TLS == nil {
		return nil, errors.New("answer: connection without TLS")
	}
	b, err := r.TLS.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)
	if err != nil {
		return nil, fmt.Errorf("answer: TLS exporter: %w", err)
	}
	channel := attest.Digest(b)
	return attest.Marshal(attest.Answer{Channel: &channel, Blocks: blocks})
}

func (f *Frontend) serveHealth(w http.ResponseWriter, _ *http.Request) error {
	return write(w, "text/plain; charset=utf-8", []byte("ok\n"))
}

// serveReady is ready when the collector can say who this node is.
func (f *Frontend) serveReady(w http.ResponseWriter, r *http.Request) error {
	if f.stopping.Load() {
		return errStopping
	}
	if _, err := f.identity(r.Context()); err != nil {
		return err
	}
	return write(w, "text/plain; charset=utf-8", []byte("ready\n"))
}

func (f *Frontend) serveOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	return write(w, "application/yaml", openAPI)
}

func write(w http.ResponseWriter, typ string, b []byte) error {
	w.Header().Set("Content-Type", typ)
	_, _ = w.Write(b) // an asker who is gone is nobody's error
	return nil
}
