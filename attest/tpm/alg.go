package tpm

import (
	"crypto"
	_ "crypto/sha256" // the banks that checks accept
	_ "crypto/sha512"

	"github.com/google/go-tpm/tpm2"
)

// Bank identifiers (TPM_ALG_ID, TCG Algorithm Registry) that a quote may use. SHA-1 is left out on purpose:
// whoever can choose boot components can make SHA-1 collide. docs/format.md names these two.
const (
	SHA256 = uint16(tpm2.TPMAlgSHA256)
	SHA384 = uint16(tpm2.TPMAlgSHA384)
)

// bankHash returns the hash of an accepted bank; ok is false for every other.
func bankHash(bank uint16) (h crypto.Hash, ok bool) {
	switch bank {
	case SHA256:
		return crypto.SHA256, true
	case SHA384:
		return crypto.SHA384, true
	}
	return 0, false
}
