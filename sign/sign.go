package sign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/veraison/go-cose"

	"github.com/hallmark-attest/hallmark/attest"
)

// The errors of Open and Verify that callers tell apart.
var (
	ErrSignature = errors.New("signature does not verify")
	ErrType      = errors.New("wrong document type")
	ErrForm      = errors.New("not in the one allowed form")
)

// headerType is the `typ` header parameter, RFC 9596.
const headerType int64 = 16

// Seal signs payload as a document of type typ. The key must be on P-256. A
// document by a validator or node key carries the key's digest (kid); evidence
// does not, its key stands in the bound claims.
func Seal(key crypto.Signer, typ string, payload []byte) ([]byte, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("seal: key is not ECDSA on P-256")
	}
	headers, err := protected(pub, typ)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	encoded, err := headers.MarshalCBOR() // a byte string around the map
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	signer, err := cose.NewSigner(cose.AlgorithmES256, key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	digester, ok := signer.(cose.DigestSigner)
	if !ok {
		return nil, errors.New("seal: the library signs no digests")
	}
	sig, err := digester.SignDigest(rand.Reader, toBeSigned(encoded, payload))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return assemble(typ, encoded, payload, lowS(sig)), nil
}

// toBeSigned is SHA-256 over the Sig_structure (RFC 9052 section 4.4) of ["Signature1", protected, h”, payload]. Evidence
// may have a megabyte: hashed as it lies, it need not be copied into the structure first. Verify goes the library's way, so that the two are held together.
func toBeSigned(protected, payload []byte) []byte {
	h := sha256.New()
	h.Write([]byte("\x84\x6aSignature1"))
	h.Write(protected)
	h.Write([]byte{0x40})
	h.Write(byteStringHead(nil, len(payload)))
	h.Write(payload)
	return h.Sum(nil)
}

// assemble writes COSE_Sign1 (RFC 9052 section 4.2) with its tags, without unprotected headers.
func assemble(typ string, protected, payload, sig []byte) []byte {
	out := make([]byte, 0, len(protected)+len(payload)+len(sig)+16)
	if typ == attest.TypeEvidence {
		out = append(out, cwtTag...)
	}
	out = append(append(out, 0xd2, 0x84), protected...)
	out = append(byteStringHead(append(out, 0xa0), len(payload)), payload...)
	return append(byteStringHead(out, len(sig)), sig...)
}

// byteStringHead appends the head of a byte string in its shortest form (RFC 8949 section 3).
func byteStringHead(dst []byte, n int) []byte {
	switch {
	case n < 24:
		return append(dst, 0x40|byte(n))
	case n < 1<<8:
		return append(dst, 0x58, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 0x59), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0x5a), uint32(n))
}

// cwtTag is CBOR tag 61 (RFC 8392 section 6), which wraps the COSE_Sign1 tag of a CWT.
var cwtTag = []byte{0xd8, 0x3d}

func protected(pub *ecdsa.PublicKey, typ string) (cose.ProtectedHeader, error) {
	h := cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.AlgorithmES256, headerType: typ}
	if typ == attest.TypeEvidence {
		return h, nil
	}
	kid, err := attest.KeyDigest(pub)
	if err != nil {
		return nil, err
	}
	h[cose.HeaderLabelKeyID] = kid[:]
	return h, nil
}

// Message is a parsed and unchecked document.
type Message struct {
	typ string
	kid attest.Digest
	msg cose.Sign1Message
}

// Open parses a document of type typ and checks its form: the exact tags, the
// exact protected header, no unprotected header, a 64-byte low-S signature, no
// byte beside. The payload stays closed until Verify.
func Open(b []byte, typ string, limit int) (*Message, error) {
	if len(b) > limit {
		return nil, fmt.Errorf("open: %d bytes, limit %d", len(b), limit)
	}
	m := &Message{typ: typ}
	rest := b
	if typ == attest.TypeEvidence {
		var ok bool
		if rest, ok = bytes.CutPrefix(b, cwtTag); !ok {
			return nil, fmt.Errorf("open: %w: no CWT tag", ErrForm)
		}
	}
	if err := m.msg.UnmarshalCBOR(rest); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if err := m.checkHeaders(); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if !isLowS(m.msg.Signature) {
		return nil, fmt.Errorf("open: %w: signature is not 64 bytes with low S", ErrForm)
	}
	again, err := m.canonical()
	if err != nil || !bytes.Equal(again, rest) {
		return nil, fmt.Errorf("open: %w: %w", ErrForm, attest.ErrNotCanonical)
	}
	return m, nil
}

// canonical encodes the message anew, its headers too: the library would
// otherwise hand back the headers as they were received.
func (m *Message) canonical() ([]byte, error) {
	msg := m.msg
	msg.Headers.RawProtected, msg.Headers.RawUnprotected = nil, nil
	return msg.MarshalCBOR()
}

func (m *Message) checkHeaders() error {
	p := m.msg.Headers.Protected
	if got, _ := p[headerType].(string); got != m.typ {
		return fmt.Errorf("%w: %.80q, want %q", ErrType, got, m.typ)
	}
	if alg, err := p.Algorithm(); err != nil || alg != cose.AlgorithmES256 {
		return fmt.Errorf("%w: algorithm is not ES256", ErrForm)
	}
	if len(m.msg.Headers.Unprotected) != 0 {
		return fmt.Errorf("%w: unprotected headers", ErrForm)
	}
	want := 2
	if m.typ != attest.TypeEvidence {
		kid, ok := p[cose.HeaderLabelKeyID].([]byte)
		if !ok || len(kid) != len(m.kid) {
			return fmt.Errorf("%w: no key id of %d bytes", ErrForm, len(m.kid))
		}
		m.kid, want = attest.Digest(kid), 3
	}
	if len(p) != want {
		return fmt.Errorf("%w: %d protected headers, want %d", ErrForm, len(p), want)
	}
	return nil
}

// KeyID is the digest of the key that claims to have signed: good for choosing
// among keys one already trusts, worth nothing else. Zero for evidence.
func (m *Message) KeyID() attest.Digest { return m.kid }

// Verify checks the signature against pub and returns the payload.
func (m *Message) Verify(pub *ecdsa.PublicKey) ([]byte, error) {
	if m.typ != attest.TypeEvidence {
		kid, err := attest.KeyDigest(pub)
		if err != nil {
			return nil, err
		}
		if kid != m.kid {
			return nil, fmt.Errorf("%w: by key %s, not by %s", ErrSignature, m.kid.Short(), kid.Short())
		}
	}
	v, err := cose.NewVerifier(cose.AlgorithmES256, pub)
	if err != nil {
		return nil, err
	}
	if err := m.msg.Verify(nil, v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return m.msg.Payload, nil
}

// Unverified returns the payload before any key is known. Evidence names its
// own key inside its claims, and inspecting prints what nobody judged; nobody else may call it.
func (m *Message) Unverified() []byte { return m.msg.Payload }

// lowS replaces s by n-s where s is in the upper half, so that each signature has one form.
func lowS(sig []byte) []byte {
	if isLowS(sig) {
		return sig
	}
	s := new(big.Int).SetBytes(sig[32:])
	s.Sub(elliptic.P256().Params().N, s)
	return append(bytes.Clone(sig[:32]), s.FillBytes(make([]byte, 32))...)
}

var halfN = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

func isLowS(sig []byte) bool {
	return len(sig) == 64 && new(big.Int).SetBytes(sig[32:]).Cmp(halfN) <= 0
}
