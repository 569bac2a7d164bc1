package modelsig

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParseKey reads a publisher's public key: one PEM block "PUBLIC KEY" that holds
// an ECDSA key on P-256, P-384 or P-521 (OMS algorithm registry, "Signing Key Types").
func ParseKey(text []byte) (*ecdsa.PublicKey, error) {
	if len(text) > MaxKeyBytes {
		return nil, fmt.Errorf("publisher key: %d bytes, limit %d", len(text), MaxKeyBytes)
	}
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("publisher key: not PEM")
	case block.Type == "CERTIFICATE":
		return nil, errors.New("publisher key: a certificate, where a bare public key is needed: openssl x509 -pubkey -noout")
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("publisher key: PEM block %q, want \"PUBLIC KEY\"", block.Type)
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("publisher key: more than one PEM block")
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("publisher key: %w", err)
	}
	key, ok := k.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("publisher key: %T, want an ECDSA key", k)
	}
	if _, err := digestFor(key); err != nil {
		return nil, fmt.Errorf("publisher key: %w", err)
	}
	return key, nil
}

// KeyHint is what the reference signer writes into a bundle to name a key:
// SHA-256 of the key's PEM text, in hexadecimal. The specification says
// "fingerprint" and no more, so other signers may write something else.
func KeyHint(key *ecdsa.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("publisher key: %w", err)
	}
	sum := sha256.Sum256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return hex.EncodeToString(sum[:]), nil
}
