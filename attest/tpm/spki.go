package tpm

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

var oidOAEP = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7} // id-RSAES-OAEP, RFC 4055 section 4.1

// ParseSPKI reads an endorsement key's SubjectPublicKeyInfo. Some makers' certificates name the algorithm RSAES-OAEP, for which
// an endorsement key is used indeed, rather than plain RSA; Go gives no key for those.
func ParseSPKI(der []byte) (crypto.PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err == nil {
		return key, nil
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	rest, bad := asn1.Unmarshal(der, &info)
	if bad != nil || len(rest) > 0 || !info.Algorithm.Algorithm.Equal(oidOAEP) {
		return nil, fmt.Errorf("endorsement key: %w", err)
	}
	rsa, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil, fmt.Errorf("endorsement key: RSAES-OAEP: %w", err)
	}
	return rsa, nil
}

// sameKey compares keys and not their encodings, for one key has two of them.
func sameKey(spki []byte, key crypto.PublicKey) bool {
	one, err := ParseSPKI(spki)
	if err != nil {
		return false
	}
	k, ok := one.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(key)
}
