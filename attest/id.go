package attest

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// Profile is the EAT profile (RFC 9711 section 6) of this format version. A
// change of meaning gets a new one; docs/format.md section "Versioning".
const Profile = "https://github.com/hallmark-attest/hallmark/format/1"

// Digest is a SHA-256 digest.
type Digest [32]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Short is the form for logs: the first eight hex digits.
func (d Digest) Short() string { return hex.EncodeToString(d[:4]) }

// Nonce is a validator's 32 random bytes, used once.
type Nonce [32]byte

func (n Nonce) String() string { return hex.EncodeToString(n[:]) }

// Short is the form for logs: the first eight hex digits.
func (n Nonce) Short() string { return hex.EncodeToString(n[:4]) }

// UEID names a node (RFC 9711 section 4.2.1): type byte 0x01 (RAND) and a digest.
type UEID [33]byte

func (u UEID) String() string { return hex.EncodeToString(u[:]) }

// Short is the form for logs: eight hex digits after the type byte.
func (u UEID) Short() string { return hex.EncodeToString(u[1:5]) }

// ParseUEID reads the hex form.
func ParseUEID(s string) (UEID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 33 || b[0] != 1 {
		return UEID{}, fmt.Errorf("ueid %q: want 66 hex digits that begin with 01", cut(s, 80))
	}
	return UEID(b), nil
}

// UEIDFromAK derives the node's name from its attestation key: the whole TPM
// Name (algorithm identifier and digest).
func UEIDFromAK(akName []byte) UEID {
	return ueid(labelled("hallmark/ueid/1/tpm", akName))
}

// UEIDFromKey derives the name of a node without attestation key from its persisted node key.
func UEIDFromKey(key Digest) UEID { return ueid(labelled("hallmark/ueid/1/key", key[:])) }

func ueid(d Digest) UEID { return UEID(append([]byte{1}, d[:]...)) }

// KeyDigest is SHA-256 over the DER SubjectPublicKeyInfo of pub.
func KeyDigest(pub crypto.PublicKey) (Digest, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return Digest{}, fmt.Errorf("key digest: %w", err)
	}
	return sha256.Sum256(der), nil
}

// NameDigest is SHA-256 over a whole TPM Name.
func NameDigest(name []byte) Digest { return sha256.Sum256(name) }
