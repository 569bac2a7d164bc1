package enroll

import (
	"crypto/rand"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// SecretSize is the size of an activation secret in bytes: a TPM gives back at most a digest of the EK's name
// algorithm, SHA-256 for all but H-3.
const SecretSize = 32

// NewSecret makes a fresh activation secret.
func NewSecret() []byte {
	s := make([]byte, SecretSize)
	rand.Read(s) // never fails since Go 1.24
	return s
}

// MakeCredential encrypts a secret so that only the TPM that holds both the EK's private half and an object of this
// Name gives it away (Part 1, "Credential Protection"). The results are the contents of TPM2B_ID_OBJECT and
// TPM2B_ENCRYPTED_SECRET. RSA-2048, P-256 and P-384 EKs are served. Compare what comes back in constant time.
func MakeCredential(ek *tpm2.TPMTPublic, akName, secret []byte) (credential, encrypted []byte, err error) {
	if len(secret) == 0 || len(secret) > SecretSize {
		return nil, nil, fmt.Errorf("make credential: secret of %d bytes, limit %d", len(secret), SecretSize)
	}
	if len(akName) == 0 {
		return nil, nil, fmt.Errorf("make credential: no name of an attestation key")
	}
	key, err := tpm2.ImportEncapsulationKey(ek)
	if err != nil {
		return nil, nil, fmt.Errorf("make credential: endorsement key: %w", err)
	}
	credential, encrypted, err = tpm2.CreateCredential(rand.Reader, key, akName, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("make credential: %w", err)
	}
	return credential, encrypted, nil
}
