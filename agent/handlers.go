package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
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
	outcome, attrs := outcomeAnswered, []any{"remote", addressOf(r.RemoteAddr)}
	if a != nil {
		attrs = append(attrs, "key", a.key.Short(), "listed", a.listed, "nonce", a.payload.Request().Nonce.Short())
	}
	switch {
	case err == nil:
		attrs = append(attrs, "batch", size)
	case r.Context().Err() != nil:
		outcome = outcomeGone
	default:
		outcome = asRefusal(err).Name
		attrs = append(attrs, "detail", asRefusal(err).Detail)
	}
	f.log.Info("challenge", append(attrs, "outcome", outcome, "dur", time.Since(start))...)
	return err
}

func (f *Frontend) challenge(w http.ResponseWriter, r *http.Request) (*admission, uint32, error) {
	if f.stopping.Load() {
		return nil, 0, errStopping
	}
	a, err := f.admit(r, challengeSort)
	if err != nil {
		return nil, 0, err
	}
	c := a.payload.(*attest.Challenge)
	left := time.Duration(c.Expires-millis(f.now())) * time.Millisecond
	ctx, cancel := context.WithTimeout(r.Context(), min(left, attest.MaxLifeMillis*time.Millisecond))
	defer cancel()
	answer, err := f.answer(ctx, r, a.body)
	if err != nil {
		return a, 0, err
	}
	resp, err := f.batch.submit(ctx, attest.ClassOf(c.Kinds), attest.Leaf(a.body, answer), answer, a.listed)
	if err != nil {
		return a, 0, err
	}
	b, err := attest.Marshal(resp)
	if err != nil {
		return a, 0, err
	}
	return a, resp.Size, write(w, attest.TypeResponse, b)
}

// answer makes what belongs to one challenge alone: the collector's parts and
// the exporter of the very connection that will carry the response.
func (f *Frontend) answer(ctx context.Context, r *http.Request, challenge []byte) ([]byte, error) {
	if _, err := f.half.Prepare(ctx, &PrepareParams{Challenge: sha256.Sum256(challenge)}); err != nil {
		return nil, err
	}
	if r.TLS == nil {
		return nil, errors.New("answer: connection without TLS")
	}
	b, err := r.TLS.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)
	if err != nil {
		return nil, fmt.Errorf("answer: TLS exporter: %w", err)
	}
	channel := attest.Digest(b)
	return attest.Marshal(attest.Answer{Channel: &channel})
}

func (f *Frontend) serveActivate(w http.ResponseWriter, r *http.Request) error {
	if f.stopping.Load() {
		return errStopping
	}
	a, err := f.admit(r, activateSort)
	if err != nil {
		f.log.Info("activation", "remote", addressOf(r.RemoteAddr), "outcome", asRefusal(err).Name)
		return err
	}
	q := a.payload.(*attest.Activate)
	ctx, cancel := context.WithTimeout(r.Context(), evidenceTimeout)
	defer cancel()
	b, err := f.half.Activate(ctx, &ActivateParams{Step: q.Step, EK: q.EK, Credential: q.Credential, Secret: q.Secret})
	outcome := outcomeAnswered
	if err != nil {
		if ctx.Err() != nil {
			err = refuse(attest.ProblemTimeout, "the TPM did not answer within %v", evidenceTimeout)
		}
		outcome = asRefusal(err).Name
	}
	f.log.Info("activation", "key", a.key.Short(), "step", q.Step, "outcome", outcome)
	if err != nil {
		return err
	}
	return write(w, attest.TypeActivation, b)
}

func (f *Frontend) serveTelemetry(http.ResponseWriter, *http.Request) error {
	return refuse(attest.ProblemNotFound, "telemetry is not built in this version")
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
