package verify

import (
	"encoding/hex"

	"github.com/hallmark-attest/hallmark/attest"
)

// imaPolicies are the SHA-256 digests of the IMA policies that this project has
// shipped (packaging/ima), newest last. A test holds the newest against the file.
var imaPolicies = []string{
	"63fcf7c4600a3f949c6a542167d1bda58afdef430fc83b9b75bc3a0c4f809d53",
}

func knownIMAPolicy(d attest.Digest) bool {
	for _, p := range imaPolicies {
		if p == hex.EncodeToString(d[:]) {
			return true
		}
	}
	return false
}
