package modelsig

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Open verifies a bundle by the publisher's key and returns what was signed.
//
// An error that wraps ErrSignature is a judgement on the bundle. One that wraps
// ErrNotEvaluable says that it may be good and cannot be judged here. Any other
// says that it is no bundle of this format, or that the key is of no use.
func Open(bundle []byte, key *ecdsa.PublicKey) (*Statement, error) {
	s, err := open(bundle, key)
	if err != nil {
		return nil, fmt.Errorf("model signature: %w", err)
	}
	return s, nil
}

func open(bundle []byte, key *ecdsa.PublicKey) (*Statement, error) {
	if len(bundle) > MaxBundleBytes {
		return nil, fmt.Errorf("bundle of %d bytes, limit %d", len(bundle), MaxBundleBytes)
	}
	e, err := parseBundle(bundle)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if err := e.verify(key); err != nil {
		return nil, err
	}
	s, err := parseStatement(e.payload)
	if err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	s.bundle = sha256.Sum256(bundle)
	return s, nil
}

// parseBundle reads the outer document (OMS 4; schemas/v1.0/bundle.schema.json).
func parseBundle(b []byte) (*envelope, error) {
	r, err := newReader(b)
	if err != nil {
		return nil, err
	}
	var e envelope
	err = r.object("document", []string{"mediaType", "verificationMaterial", "dsseEnvelope"}, func(name string) error {
		switch name {
		case "mediaType":
			return r.exactly(name, mediaType)
		case "verificationMaterial":
			return e.readMaterial(r)
		case "dsseEnvelope":
			return e.readEnvelope(r)
		case "messageSignature":
			return fmt.Errorf("%w: a signature over one file (messageSignature), not over a model", ErrNotEvaluable)
		}
		return fmt.Errorf("unknown member %q", attest.Clean(name))
	})
	return &e, err
}

// readMaterial finds which of three forms a bundle has (OMS 4.1).
func (e *envelope) readMaterial(r *reader) error {
	const advice = "give a key-signed bundle, or verify it with sigstore and sign a hallmark reference"
	var form []string
	err := r.object("verificationMaterial", nil, func(name string) error {
		switch name {
		case "publicKey":
			form = append(form, name)
			return e.readHint(r)
		case "x509CertificateChain", "certificate":
			form = append(form, name)
		}
		return r.skip(name) // tlogEntries and timestamps mean nothing beside a bare key
	})
	switch {
	case err != nil:
		return err
	case len(form) != 1:
		return fmt.Errorf("verificationMaterial: %d of publicKey, x509CertificateChain and certificate, want one", len(form))
	case form[0] == "x509CertificateChain":
		return fmt.Errorf("%w: signed by a certificate: %s", ErrNotEvaluable, advice)
	case form[0] == "certificate":
		return fmt.Errorf("%w: signed by a sigstore identity (short-lived certificate and log entry): %s", ErrNotEvaluable, advice)
	}
	return nil
}

// readHint accepts the key's name, and the key itself as bundles before version 1.1 carry it (OMS 11.2).
func (e *envelope) readHint(r *reader) error {
	named := false
	err := r.object("publicKey", nil, func(name string) (err error) {
		switch name {
		case "hint":
			named = true
			e.hint, err = r.text(name)
			return err
		case "rawBytes":
			named = true
		}
		return r.skip(name)
	})
	if err == nil && !named {
		return errors.New("publicKey: neither hint nor rawBytes")
	}
	return err
}

// readEnvelope reads the DSSE envelope. A bundle holds one signature exactly
// (sigstore_bundle.proto, "dsse_envelope"), though DSSE would allow several: with
// several, readers could differ over which of them counts.
func (e *envelope) readEnvelope(r *reader) error {
	return r.object("dsseEnvelope", []string{"payload", "payloadType", "signatures"}, func(name string) (err error) {
		switch name {
		case "payload":
			e.payload, err = r.base64(name)
			return err
		case "payloadType":
			return r.exactly(name, payloadType)
		case "signatures":
			err = r.array(name, 1, func() error { return e.readSignature(r) })
			if err == nil && e.sig == nil {
				return errors.New("signatures: none")
			}
			return err
		}
		return fmt.Errorf("dsseEnvelope: unknown member %q", attest.Clean(name))
	})
}

func (e *envelope) readSignature(r *reader) error {
	return r.object("signature", []string{"sig"}, func(name string) (err error) {
		switch name {
		case "sig":
			e.sig, err = r.base64(name)
			return err
		case "keyid": // absent, empty or null; decides nothing (OMS 4.1)
			t, err := r.dec.Token()
			if _, composite := t.(json.Delim); composite {
				return errors.New("keyid: not a JSON string")
			}
			return err
		}
		return fmt.Errorf("signature: unknown member %q", attest.Clean(name))
	})
}

func (r *reader) exactly(what, want string) error {
	got, err := r.text(what)
	if err == nil && got != want {
		return fmt.Errorf("%s: %q, want %q", what, attest.Clean(got), want)
	}
	return err
}

// base64 reads bytes in the standard or the URL-safe alphabet; DSSE bids
// verifiers accept either.
func (r *reader) base64(what string) ([]byte, error) {
	s, err := r.text(what)
	if err != nil {
		return nil, err
	}
	enc := base64.StdEncoding
	if strings.ContainsAny(s, "-_") {
		enc = base64.URLEncoding
	}
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%s: empty, or with line breaks", what)
	}
	b, err := enc.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return b, nil
}
