package modelsig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"

	"github.com/hallmark-attest/hallmark/attest"
)

var (
	// ErrSignature says that a well-formed bundle was judged, and that this key
	// did not sign what it carries: altered, or signed by somebody else.
	ErrSignature = errors.New("not signed by this key")
	// ErrNotEvaluable says that a bundle is of a form, or uses a digest, that cannot be judged here.
	ErrNotEvaluable = errors.New("not evaluable")
)

const payloadType = "application/vnd.in-toto+json"

// envelope is a DSSE envelope as decoded and not yet verified.
type envelope struct {
	hint    string // unauthenticated; for error messages
	payload []byte
	sig     []byte // ASN.1
}

// prefix is what the DSSE pre-authentication encoding puts before the body:
// lengths make the split between type and body unambiguous, so that no signature
// over one type and body is one over another (DSSE protocol v1.0, "PAE").
func prefix(typ string, body []byte) string {
	return fmt.Sprintf("DSSEv1 %d %s %d ", len(typ), typ, len(body))
}

// verify checks the signature over the payload. The type in the encoding is this
// package's constant, not the bundle's word.
func (e *envelope) verify(key *ecdsa.PublicKey) error {
	h, err := digestFor(key)
	if err != nil {
		return err
	}
	h.Write([]byte(prefix(payloadType, e.payload)))
	h.Write(e.payload)
	if ecdsa.VerifyASN1(key, h.Sum(nil), e.sig) {
		return nil
	}
	if own, err := KeyHint(key); err == nil && e.hint != "" && e.hint != own {
		return fmt.Errorf("signature: %w: the bundle names key %s, the given one is %s", ErrSignature, attest.Clean(e.hint), own)
	}
	return fmt.Errorf("signature: %w, or altered", ErrSignature)
}

// digestFor gives the one digest that belongs to a key's curve (sigstore
// algorithm registry): a bundle cannot choose a weaker one.
func digestFor(key *ecdsa.PublicKey) (hash.Hash, error) {
	if key == nil || key.Curve == nil {
		return nil, errors.New("no key given")
	}
	switch key.Curve {
	case elliptic.P256():
		return sha256.New(), nil
	case elliptic.P384():
		return sha512.New384(), nil
	case elliptic.P521():
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("key on curve %s, want P-256, P-384 or P-521", key.Curve.Params().Name)
}
