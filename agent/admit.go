package agent

import (
	"errors"
	"net/http"
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
	from     asker
	body     []byte // as received
	key      attest.Digest
	listed   bool // and the signature is this key's
	payload  signedRequest
	profiles []string
	// giveBacks undo what the asker paid; called when the request turns out good.
	giveBacks []func()
}

// admit checks a signed request, cheapest check first, and uses up its nonce
// last: an attacker's cost grows with every step, ours stays below one
// signature check, and the TPM is never touched. What it returns beside an
// error is as far as the request came.
func (f *Frontend) admit(r *http.Request, sort requestSort) (*admission, error) {
	now := f.now()
	a := &admission{from: asker{address: addressOf(r.RemoteAddr)}}
	if err := checkHeader(r, sort.typ); err != nil {
		return a, err
	}
	overdrawn := f.payAddress(a, now)
	var err error
	if a.body, err = f.bodies.read(r, overdrawn); err != nil {
		return a, err
	}
	payload, err := f.authenticate(a, sort, overdrawn, now)
	if err != nil {
		return a, err
	}
	if a.payload, a.profiles, err = sort.parse(payload); err != nil {
		return a, err
	}
	id, err := f.identity(r.Context())
	if err != nil {
		if a.listed {
			a.giveBack() // nothing is wrong with the request
		}
		return a, err
	}
	if err := checkRequest(a, id, now); err != nil {
		return a, err
	}
	if err := f.useOnce(a, sort, now); err != nil {
		return a, err
	}
	if a.listed {
		a.giveBack()
	} // an unlisted key's request stays paid
	connectionOf(r.Context()).admitted(a.listed)
	return a, nil
}

// authenticate opens the envelope and checks the signature of a listed key. An
// unlisted key's signature cannot be checked, its public key is not known, and
// would prove nothing: anybody can make a key. Such askers share caps of their own.
func (f *Frontend) authenticate(a *admission, sort requestSort, overdrawn error, now time.Time) ([]byte, error) {
	msg, err := sign.Open(a.body, sort.typ, attest.MaxRequestSize)
	if err != nil {
		if overdrawn != nil {
			return nil, overdrawn
		}
		return nil, refuse(attest.ProblemMalformed, "%v", err)
	}
	a.key = msg.KeyID()
	pub := f.keys.Lookup(a.key)
	if pub == nil {
		if overdrawn != nil {
			return nil, overdrawn
		}
		if !f.config.Validators.Open || !sort.open {
			return nil, refuse(attest.ProblemUnknownKey, "key %s is not listed here: ask the operator to put its .pub file under validators.keys", a.key)
		}
		return msg.Unverified(), f.takeUnlisted(a.from.address, now)
	}
	if err := f.payKey(a, now); err != nil {
		return nil, err
	}
	payload, err := msg.Verify(pub)
	if err != nil {
		return nil, refuse(attest.ProblemSignature, "%v", err)
	}
	a.listed = true
	return payload, nil
}

// checkRequest compares a request with this node and this moment.
func checkRequest(a *admission, id *NodeIdentity, now time.Time) error {
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

// useOnce takes from the key's own rates and uses up the nonce. A replay is
// noticed first: whoever has recorded a validator's requests must not be able
// to spend that validator's rate.
func (f *Frontend) useOnce(a *admission, sort requestSort, now time.Time) error {
	q := a.payload.Request()
	if f.used.Used(a.key, q.Nonce, millis(now)) {
		return replayed(q)
	}
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
	return nil
}

func replayed(q attest.Request) error {
	return refuse(attest.ProblemReplayed, "nonce %s was used before", q.Nonce.Short())
}

func accepts(profiles []string, profile string) bool {
	for _, p := range profiles {
		if p == profile {
			return true
		}
	}
	return false
}
