package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// Life is how long a challenge made by Ask is good for.
const Life = 60 * time.Second

// NewChallenge makes a challenge with a fresh nonce.
func NewChallenge(audience attest.UEID, kinds []attest.Kind, at time.Time) (attest.Challenge, error) {
	c := attest.Challenge{Profiles: []string{attest.Profile}, Issued: millis(at), Expires: millis(at.Add(Life)),
		Audience: audience, Kinds: slices.Sorted(slices.Values(kinds))}
	if _, err := rand.Read(c.Nonce[:]); err != nil {
		return c, err
	}
	return c, c.Check()
}

// SignChallenge encodes and signs a challenge.
func SignChallenge(key *ecdsa.PrivateKey, c attest.Challenge) ([]byte, error) {
	payload, err := attest.Marshal(c)
	if err != nil {
		return nil, err
	}
	return sign.Seal(key, attest.TypeChallenge, payload)
}

// Question is what a challenge asks for.
type Question struct {
	Kinds  []attest.Kind
	Logs   *attest.Logs          // nil: none
	Blocks []attest.BlockRequest // of weights, in any order; nil: none
	Window *attest.WindowRequest // telemetry beside the evidence; nil: none
}

// Ask challenges the node and returns the record, signed by the validator's key, and the challenge as sent.
func (c *Client) Ask(ctx context.Context, key *ecdsa.PrivateKey, audience attest.UEID, q Question) (record, challenge []byte, err error) {
	start := c.now()
	ch, err := NewChallenge(audience, q.Kinds, start)
	if err != nil {
		return nil, nil, err
	}
	ch.Logs, ch.Window = q.Logs, q.Window
	ch.Blocks = slices.SortedFunc(slices.Values(q.Blocks), func(a, b attest.BlockRequest) int { return bytes.Compare(a.Model[:], b.Model[:]) })
	if err := ch.Check(); err != nil {
		return nil, nil, err
	}
	if challenge, err = SignChallenge(key, ch); err != nil {
		return nil, nil, err
	}
	response, seen, err := c.do(ctx, http.MethodPost, "/v1/challenge", attest.TypeChallenge, challenge, attest.MaxResponseSize, start)
	if err != nil {
		return nil, nil, err
	}
	record, err = SealRecord(key, challenge, response, seen)
	return record, challenge, err
}

// SealRecord writes down what was asked and received.
func SealRecord(key *ecdsa.PrivateKey, challenge, response []byte, seen *Seen) ([]byte, error) {
	payload, err := attest.Marshal(attest.Record{Challenge: challenge, Sent: millis(seen.Sent), Received: millis(seen.Received),
		TLSKey: seen.TLSKey, Exporter: &seen.Exporter, Response: response})
	if err != nil {
		return nil, err
	}
	return sign.Seal(key, attest.TypeRecord, payload)
}

// WholeLogs asks for every log from its first byte.
func WholeLogs() *attest.Logs {
	return &attest.Logs{Boot: new(uint64), IMA: new(uint64), CEL: new(uint64), CCEL: new(uint64), RTMR: new(uint64)}
}

func millis(t time.Time) uint64 { return uint64(t.UnixMilli()) }
