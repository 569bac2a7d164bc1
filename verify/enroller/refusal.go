package enroller

import (
	"errors"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
	"github.com/hallmark-attest/hallmark/verify"
)

// Refusal says that the node was judged and may not be enrolled.
type Refusal struct {
	Entry verify.Entry
	Err   error
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s (%v)", r.Entry.ID, r.Entry.Sentence, r.Err)
}

// Unwrap gives the reason.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(id string, err error) error {
	e, ok := verify.EntryOf(id)
	if !ok {
		panic("finding " + id + " is not in the registry")
	}
	return &Refusal{e, err}
}

// keyRefusal names what is wrong with an AK's public area or its proof of birth.
func keyRefusal(err error) error {
	switch {
	case len(tpm.Violations(errors.Unwrap(err))) > 0 || len(tpm.Violations(err)) > 0:
		return refuse("enroll.ak.attributes", err)
	case errors.Is(err, enroll.ErrCreation):
		return refuse("enroll.ak.creation", err)
	}
	return refuse("enroll.parameters", err)
}

// chainRefusal names why no endorsement certificate was accepted: the reason that came closest.
func chainRefusal(err error) error {
	for _, r := range []struct {
		err error
		id  string
	}{{enroll.ErrRevoked, "enroll.ek.revoked"}, {enroll.ErrExpired, "enroll.ek.expired"}, {enroll.ErrMismatch, "enroll.ek.mismatch"}, {tpm.ErrKeyType, "enroll.ek.mismatch"},
		{enroll.ErrUntrusted, "enroll.ek.untrusted"}, {enroll.ErrUsage, "enroll.ek.untrusted"}, {enroll.ErrIdentity, "enroll.ek.untrusted"},
		{enroll.ErrCertificate, "enroll.ek.unreadable"}, {enroll.ErrNoCertificate, "enroll.ek.missing"}} {
		if errors.Is(err, r.err) {
			return refuse(r.id, err)
		}
	}
	return refuse("enroll.parameters", err)
}
