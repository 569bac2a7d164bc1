package agent

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
)

// signedRequest is a request body's payload, read and bounded: challenge or activate.
type signedRequest interface {
	Request() attest.Request
}

// admission is a request on its way in, as far as it has come.
type admission struct {
	address  netip.Prefix
	body     []byte // as received
	key      attest.Digest
	listed   bool // and the signature is this key's
	payload  signedRequest
	profiles []string
	// giveBacks undo what the asker paid; called when the request turns out good.
	giveBacks []func()
	// unrate gives the key's own rates back, where the node could not serve it.
	unrate func()
}

// admit checks a signed request, cheapest check first, and uses up its nonce
// last: an attacker's cost grows with every step, ours stays below one
// signature check, and the TPM is never touched. What it returns beside an
// error is as far as the request came.
func (f *Frontend) admit(r *http.Request, sort requestSort) (*admission, error) {
	now := f.now()
	conn := connectionOf(r.Context())
	a := &admission{address: addressOf(r.RemoteAddr)}
	if err := checkHeader(r, sort.typ); err != nil {
		return a, err
	}
	overdrawn := f.payAddress(a, now)
	body, err := f.bodies.read(r, overdrawn)
	if err != nil {
		return a, err
	}
	msg, err := sign.Open(body, sort.typ, attest.MaxRequestSize)
	if err != nil {
		return a, first(overdrawn, refuse(attest.ProblemMalformed, "%v", err))
	}
	a.body, a.key = body, msg.KeyID()
	if pub := f.keys.Lookup(a.key); pub != nil {
		err = f.admitListed(r.Context(), a, sort, msg, pub, overdrawn, conn.of(a.key), now)
	} else {
		err = f.admitUnlisted(r.Context(), a, sort, msg, overdrawn, now)
	}
	if err != nil {
		return a, err
	}
	if err := f.useOnce(a, sort, now); err != nil {
		return a, err
	}
	if a.listed {
		a.giveBack()
		conn.admitted(&a.key)
	} else {
		conn.admitted(nil)
	}
	return a, nil
}

// admitListed admits a request in a listed key's name. What it asks is looked
// at before its signature: recorded requests that somebody sends again, here or
// for another node, pay as their sender, and cost the validator they were taken from nothing.
func (f *Frontend) admitListed(ctx context.Context, a *admission, sort requestSort, msg *sign.Message, pub *ecdsa.PublicKey, overdrawn error, conn uint64, now time.Time) error {
	unfit := f.check(ctx, a, sort, msg.Unverified(), now)
	switch {
	case unfit != nil && asRefusal(unfit).Name == attest.ProblemUnavailable:
		a.giveBack() // nothing is wrong with the request
		return unfit
	case unfit != nil && overdrawn != nil:
		return overdrawn
	case unfit == nil:
		if err := f.payKey(a, conn, now); err != nil {
			return err
		}
	}
	if _, err := msg.Verify(pub); err != nil {
		return refuse(attest.ProblemSignature, "%v", err)
	}
	a.listed = true
	return unfit
}

// admitUnlisted admits a request by a key that is not listed. Its signature
// cannot be checked, its public key is not known, and would prove nothing:
// anybody can make a key. Such askers share caps of their own.
func (f *Frontend) admitUnlisted(ctx context.Context, a *admission, sort requestSort, msg *sign.Message, overdrawn error, now time.Time) error {
	if overdrawn != nil {
		return overdrawn
	}
	if !f.config.Validators.Open || !sort.open {
		return refuse(attest.ProblemUnknownKey, "key %s is not listed here: ask the operator to put its .pub file under validators.keys", a.key)
	}
	if err := f.takeUnlisted(a.address, now); err != nil {
		return err
	}
	return f.check(ctx, a, sort, msg.Unverified(), now)
}

// check parses a request and holds it against this node, this moment and what was used before.
func (f *Frontend) check(ctx context.Context, a *admission, sort requestSort, payload []byte, now time.Time) (err error) {
	if a.payload, a.profiles, err = sort.parse(payload); err != nil {
		return err
	}
	id, err := f.identity(ctx)
	if err != nil {
		return err
	}
	if err := checkRequest(a, id, now); err != nil {
		return err
	}
	if q := a.payload.Request(); f.used.Used(a.key, q.Nonce, millis(now)) {
		return replayed(q)
	}
	return nil
}

// first is overdrawn, where the asker is that, and what else is wrong otherwise.
func first(overdrawn, other error) error {
	if overdrawn != nil {
		return overdrawn
	}
	return other
}

// checkRequest compares a request with this node and this moment.
func checkRequest(a *admission, id *NodeIdentity, now time.Time) error {
	q, at := a.payload.Request(), millis(now)
	switch {
	case q.Audience != id.UEID:
		return refuse(attest.ProblemAudience, "addressed to %s, this node is %s", q.Audience.Short(), id.UEID.Short())
	case !slices.Contains(a.profiles, attest.Profile):
		return refuse(attest.ProblemProfile, "this node answers in %s", attest.Profile)
	case q.Issued > at+clockSkewMillis:
		return refuse(attest.ProblemNotYet, "issued %d ms ahead of this node's clock, %d allowed: compare the clocks", q.Issued-at, clockSkewMillis)
	case q.Expires <= at:
		return refuse(attest.ProblemExpired, "expired %d ms ago by this node's clock", at-q.Expires)
	}
	return nil
}

// useOnce takes from the key's own rates and uses up the nonce.
func (f *Frontend) useOnce(a *admission, sort requestSort, now time.Time) error {
	q := a.payload.Request()
	giveBack, err := f.takeRates(a, sort, now)
	if err != nil {
		return err
	}
	err = f.used.Use(a.key, q.Nonce, q.Expires, millis(now), a.listed)
	switch {
	case errors.Is(err, errUsed): // by the same document at the same moment
		giveBack()
		return replayed(q)
	case errors.Is(err, errFull):
		return &Refusal{Name: attest.ProblemBusy, Detail: "too many unexpired nonces", Retry: 10 * time.Second}
	case err != nil:
		return unavailable("remembering the nonce", err)
	}
	a.unrate = giveBack
	return nil
}

func replayed(q attest.Request) error {
	return refuse(attest.ProblemReplayed, "nonce %s was used before", q.Nonce.Short())
}
