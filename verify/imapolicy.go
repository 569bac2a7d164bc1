package verify

import (
	"encoding/hex"

	"github.com/hallmark-attest/hallmark/attest"
)

// imaPolicies are the SHA-256 digests of the IMA policies that this project has
// shipped (packaging/ima), newest last. A test holds the newest against the file.
var imaPolicies = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
}

func knownIMAPolicy(d attest.Digest) bool {
	for _, p := range imaPolicies {
		if p == hex.EncodeToString(d[:]) {
			return true
		}
	}
	return false
}
