package agent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// signedRequest is a request body's payload, read and bounded: challenge or activate.
type signedRequest interface {
	Request() attest.Request
}

// admission is what admit lets through.
type admission struct {
	body     []byte // as received
	key      attest.Digest
	listed   bool
	payload  signedRequest
	profiles []string
}

// request sorts: what is admitted under which type, and by whom.
type requestSort struct {
	typ   string
	parse func([]byte) (signedRequest, []string, error)
	// open: an unlisted key may ask too, where the operator opened the agent.
	// Never for enrolment: it shows the endorsement key and costs two slow TPM commands.
	open bool
}

var challengeSort = requestSort{typ: attest.TypeChallenge, open: true, parse: func(b []byte) (signedRequest, []string, error) {
	c, err := attest.ParseChallenge(b)
	if err != nil {
		return nil, nil, challengeProblem(b, err)
	}
	return c, c.Profiles, nil
}}

var activateSort = requestSort{typ: attest.TypeActivate, parse: func(b []byte) (signedRequest, []string, error) {
	a, err := attest.ParseActivate(b)
	if err != nil {
		return nil, nil, lifeProblem(b, new(attest.Activate), err)
	}
	return a, a.Profiles, nil
}}

// admit checks a signed request, cheapest check first, and uses up its nonce
// last: an attacker's cost grows with every step, ours stays below one
// signature check, and the TPM is never touched.
func (f *Frontend) admit(r *http.Request, sort requestSort) (*admission, error) {
	now := f.now()
	body, err := readBody(r, sort.typ)
	if err != nil {
		return nil, err
	}
	// A token of the address is given back to listed validators; it pays for
	// everything that turns out malformed, forged or unlisted.
	giveBack, wait := f.addresses.take(addressOf(r.RemoteAddr), now)
	if wait > 0 {
		return nil, &Refusal{Name: attest.ProblemRate, Detail: "too many requests that were not by a listed validator from this address", Retry: wait}
	}
	a, payload, err := f.authenticate(r, sort, body, now)
	if err != nil {
		return nil, err
	}
	if a.listed {
		giveBack()
	}
	if a.payload, a.profiles, err = sort.parse(payload); err != nil {
		return nil, err
	}
	if err := f.checkRequest(r.Context(), a, now); err != nil {
		return nil, err
	}
	return a, f.useOnce(a, now)
}

func readBody(r *http.Request, typ string) ([]byte, error) {
	if got := r.Header.Get("Content-Type"); got != typ {
		return nil, refuse(attest.ProblemMediaType, "content type %.80q, want %q", got, typ)
	}
	if r.ContentLength > attest.MaxRequestSize {
		return nil, refuse(attest.ProblemTooLarge, "%d bytes, limit %d", r.ContentLength, attest.MaxRequestSize)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, attest.MaxRequestSize+1))
	if err != nil {
		return nil, refuse(attest.ProblemMalformed, "the body ended early")
	}
	if len(body) > attest.MaxRequestSize {
		return nil, refuse(attest.ProblemTooLarge, "more than %d bytes", attest.MaxRequestSize)
	}
	return body, nil
}

// authenticate opens the envelope and checks the signature of a listed key. An
// unlisted key's signature cannot be checked, its public key is not known, and
// would prove nothing: anybody can make a key. Such askers share caps of their own.
func (f *Frontend) authenticate(r *http.Request, sort requestSort, body []byte, now time.Time) (*admission, []byte, error) {
	msg, err := sign.Open(body, sort.typ, attest.MaxRequestSize)
	if err != nil {
		return nil, nil, refuse(attest.ProblemMalformed, "%v", err)
	}
	a := &admission{body: body, key: msg.KeyID()}
	pub := f.keys.Lookup(a.key)
	if pub == nil {
		if !f.config.Validators.Open || !sort.open {
			return nil, nil, refuse(attest.ProblemUnknownKey, "key %s is not listed here: ask the operator to put its .pub file under validators.keys", a.key)
		}
		if err := f.takeUnlisted(r, now); err != nil {
			return nil, nil, err
		}
		return a, msg.Unverified(), nil
	}
	a.listed = true
	payload, err := msg.Verify(pub)
	if err != nil {
		return nil, nil, refuse(attest.ProblemSignature, "%v", err)
	}
	return a, payload, nil
}

// takeUnlisted takes from the caps of an open agent: one per address, one for all.
func (f *Frontend) takeUnlisted(r *http.Request, now time.Time) error {
	giveBack, wait := f.unlisted.take(addressOf(r.RemoteAddr), now)
	if wait > 0 {
		return &Refusal{Name: attest.ProblemRate, Detail: "too many challenges by unlisted keys from this address", Retry: wait}
	}
	if _, wait := f.unlistedAll.take(struct{}{}, now); wait > 0 {
		giveBack()
		return &Refusal{Name: attest.ProblemRate, Detail: "too many challenges by unlisted keys", Retry: wait}
	}
	return nil
}

// checkRequest compares a request with this node and this moment.
func (f *Frontend) checkRequest(ctx context.Context, a *admission, now time.Time) error {
	id, err := f.identity(ctx)
	if err != nil {
		return err
	}
	q, at := a.payload.Request(), millis(now)
	switch {
	case q.Audience != id.UEID:
		return refuse(attest.ProblemAudience, "addressed to %s, this node is %s", q.Audience.Short(), id.UEID.Short())
	case !accepts(a.profiles, attest.Profile):
		return refuse(attest.ProblemProfile, "this node answers in %s", attest.Profile)
	case q.Issued > at+clockSkewMillis:
		return refuse(attest.ProblemNotYet, "issued %d ms ahead of this node's clock, %d allowed: compare the clocks", q.Issued-at, clockSkewMillis)
	case q.Expires <= at:
		return refuse(attest.ProblemExpired, "expired %d ms ago by this node's clock", at-q.Expires)
	}
	return nil
}

// useOnce takes from the key's own rate and uses up the nonce.
func (f *Frontend) useOnce(a *admission, now time.Time) error {
	if a.listed {
		if _, wait := f.perKey.take(a.key, now); wait > 0 {
			return &Refusal{Name: attest.ProblemRate, Detail: "too many requests by this key: see validators.per_minute", Retry: wait}
		}
	}
	q := a.payload.Request()
	err := f.used.Use(a.key, q.Nonce, q.Expires, millis(now), a.listed)
	switch {
	case errors.Is(err, errUsed):
		return refuse(attest.ProblemReplayed, "nonce %s was used before", q.Nonce.Short())
	case errors.Is(err, errFull):
		return &Refusal{Name: attest.ProblemBusy, Detail: "too many unexpired nonces", Retry: 10 * time.Second}
	case err != nil:
		return unavailable("remembering the nonce", err)
	}
	return nil
}

func accepts(profiles []string, profile string) bool {
	for _, p := range profiles {
		if p == profile {
			return true
		}
	}
	return false
}

// challengeProblem finds the problem's name for a challenge that did not parse.
func challengeProblem(b []byte, err error) error {
	var c attest.Challenge
	if attest.Unmarshal(b, &c, attest.MaxRequestSize) == nil {
		for _, k := range c.Kinds {
			if !k.Known() {
				return refuse(attest.ProblemUnsupported, "%v", err)
			}
		}
	}
	return lifeProblem(b, new(attest.Challenge), err)
}

// lifeProblem tells a life over the limit from everything else.
func lifeProblem(b []byte, v signedRequest, err error) error {
	if attest.Unmarshal(b, v, attest.MaxRequestSize) == nil {
		if q := v.Request(); q.Expires > q.Issued && q.Expires-q.Issued > attest.MaxLifeMillis {
			return refuse(attest.ProblemLife, "%v", err)
		}
	}
	return refuse(attest.ProblemMalformed, "%v", err)
}
