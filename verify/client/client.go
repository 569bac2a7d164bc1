package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Client asks one node over kept connections. The zero value is not usable; see New.
type Client struct {
	base *url.URL
	http *http.Client
	now  func() time.Time
}

// Seen is what the validator saw of the connection that carried a response.
type Seen struct {
	Sent, Received time.Time
	TLSKey         attest.Digest
	Exporter       attest.Digest
}

// ProblemError is a refusal by the node.
type ProblemError struct {
	Problem    attest.Problem
	RetryAfter string
}

func (e *ProblemError) Error() string {
	s := fmt.Sprintf("node refused: %s (%d)", e.Problem.Title, e.Problem.Status)
	if e.Problem.Detail != "" {
		s += ": " + e.Problem.Detail
	}
	if e.RetryAfter != "" {
		s += "; retry after " + e.RetryAfter + " s"
	}
	return s
}

// New makes a client of the node at base, an https URL without path. A nil now is time.Now.
func New(base string, now func() time.Time) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("node URL: %w", err)
	}
	if u.Scheme != "https" || u.Host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("node URL %q: want https://HOST:PORT", base)
	}
	if now == nil {
		now = time.Now
	}
	return &Client{base: u, now: now, http: &http.Client{
		Transport: &http.Transport{
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true}, // see doc.go
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConnsPerHost:    64,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("redirect refused") },
	}}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Identity asks whom to address. It is the node's unproven word.
func (c *Client) Identity(ctx context.Context) (*attest.Identity, *Seen, error) {
	body, seen, err := c.do(ctx, http.MethodGet, "/v1/identity", "", nil, attest.MaxProblemSize, c.now())
	if err != nil {
		return nil, nil, err
	}
	var id attest.Identity
	if err := json.Unmarshal(body, &id); err != nil {
		return nil, nil, fmt.Errorf("identity: %w", err)
	}
	return &id, seen, nil
}

// Challenge sends a signed challenge and returns the response's bytes.
func (c *Client) Challenge(ctx context.Context, signed []byte) ([]byte, *Seen, error) {
	return c.do(ctx, http.MethodPost, "/v1/challenge", attest.TypeChallenge, signed, attest.MaxResponseSize, c.now())
}

// Activate sends a signed activation request and returns the answer's bytes.
func (c *Client) Activate(ctx context.Context, signed []byte) ([]byte, *Seen, error) {
	return c.do(ctx, http.MethodPost, "/v1/activate", attest.TypeActivate, signed, attest.MaxActivateSize, c.now())
}

// do sends one request and notes times, TLS key and exporter of the connection
// that answered. Times are start plus what the monotonic clock says has passed:
// a wall clock that is set back meanwhile must not make an honest answer look late.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, limit int64, start time.Time) ([]byte, *Seen, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	seen := &Seen{Sent: start.Add(c.now().Sub(start))}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	seen.Received = start.Add(c.now().Sub(start))
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: read: %w", method, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, refusal(resp, b)
	}
	if int64(len(b)) > limit {
		return nil, nil, fmt.Errorf("%s %s: answer over %d bytes", method, path, limit)
	}
	return b, seen, seen.connection(resp.TLS)
}

// connection reads what binds the response to its connection.
func (s *Seen) connection(state *tls.ConnectionState) error {
	if state == nil || len(state.PeerCertificates) == 0 {
		return errors.New("no TLS connection")
	}
	key, err := attest.KeyDigest(state.PeerCertificates[0].PublicKey)
	if err != nil {
		return fmt.Errorf("server key: %w", err)
	}
	exp, err := state.ExportKeyingMaterial(attest.ExporterLabel, nil, attest.ExporterSize)
	if err != nil {
		return fmt.Errorf("tls exporter: %w", err)
	}
	s.TLSKey, s.Exporter = key, attest.Digest(exp)
	return nil
}

// refusal turns a non-200 answer into an error. What of it is the node's text is cleaned here; the reason phrase is left out.
func refusal(resp *http.Response, body []byte) error {
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && t == attest.TypeProblem && len(body) <= attest.MaxProblemSize {
		p := attest.Problem{}
		if json.Unmarshal(body, &p) == nil && p.Title != "" {
			p.Title, p.Detail, p.Status = attest.Clean(p.Title), attest.Clean(p.Detail), resp.StatusCode
			return &ProblemError{p, attest.Clean(resp.Header.Get("Retry-After"))}
		}
	}
	return fmt.Errorf("node answered status %d without a problem document", resp.StatusCode)
}
