package enroller

import (
	"crypto/sha256"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm/enroll"
)

// Enrolling again: TPM2_Clear leaves both keys as they were and begins clock and counters at zero, so a verifier sees a
// clock that went back. The same keys, activated anew, are a new record whose time says since when the counters count.

// sameNode holds what a node says about itself against its earlier record. The attestation key is the node's name: who shows
// another key has another name, and who keeps the name is held to it by the activation.
func (e *enrolment) sameNode(tpm bool) error {
	k := e.options.Known
	switch {
	case k == nil:
		return nil
	case (k.TPM != nil) != tpm:
		return changed("the TPM", said(k.TPM != nil), said(tpm))
	case k.UEID != e.ueid && tpm:
		return changed("the attestation key, which is the node's name", k.UEID.String(), e.ueid.String())
	case k.UEID != e.ueid:
		return changed("the node key, which is the node's name", k.UEID.String(), e.ueid.String())
	}
	return nil
}

// sameEK leaves the endorsement key that the earlier record names: another one of the same TPM would not be that record's. It
// gets the certificates beside the others too, for a node sends its chain once.
func (e *enrolment) sameEK(offered []attest.EKOffer) ([]attest.EKOffer, error) {
	k := e.options.Known
	if k == nil {
		return offered, nil
	}
	var chain [][]byte
	for _, ek := range offered {
		chain = append(chain, ek.Chain...)
	}
	for _, ek := range offered {
		if sha256.Sum256(ek.Key) == k.TPM.EK {
			ek.Chain = chain
			return []attest.EKOffer{ek}, nil
		}
	}
	return nil, changed("the endorsement key", k.TPM.EKTemplate+" "+k.TPM.EK.String(), fmt.Sprintf("%d others", len(offered)))
}

func (e *enrolment) sameKey(fingerprint attest.Digest) error {
	if k := e.options.Known; k != nil && *k.Key != fingerprint {
		return changed("the node key", k.Key.String(), fingerprint.String())
	}
	return nil
}

func (e *enrolment) samePlatform(td *attest.NodeTD) error {
	k := e.options.Known
	switch {
	case k == nil || k.TD == nil:
		return nil
	case td == nil:
		return changed("the platform", k.TD.PPID.String(), "no TD")
	case k.TD.PPID != td.PPID:
		return changed("the platform", k.TD.PPID.String(), td.PPID.String())
	}
	return nil
}

func changed(what, was, is string) error {
	return refuse("enroll.changed", fmt.Errorf("%s changed: enrolled %s, now %s; if that is meant, enroll without the earlier record", what, was, is))
}

func said(tpm bool) string {
	if tpm {
		return "with a TPM"
	}
	return "without"
}

// note tells what was passed over on the way to a chosen key.
func (e *enrolment) note(c *enroll.Chosen, passed []*enroll.Refusal) {
	for _, r := range passed {
		e.options.Note(fmt.Errorf("passed over: %w", r))
	}
	for _, err := range c.Unchecked {
		e.options.Note(err)
	}
}
