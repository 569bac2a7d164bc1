package verify

import (
	"encoding/hex"

	"github.com/hallmark-attest/hallmark/attest"
)

// imaPolicies are the SHA-256 digests of the IMA policies that this project has
// shipped (packaging/ima), newest last. A test holds the newest against the file.
var imaPolicies = []string{
	"77e3a636fa95e96adecc5a7a1622e7e7eca15508d44fa55913f1be1155b0a6fa",
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
