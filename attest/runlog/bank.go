package runlog

import (
	"crypto"
	_ "crypto/sha1" // banks that a TPM may keep active
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// TPM_ALG_IDs (TCG Algorithm Registry) of the banks that are extended, ascending.
const (
	SHA1   = uint16(0x0004)
	SHA256 = uint16(0x000b)
	SHA384 = uint16(0x000c)
	SHA512 = uint16(0x000d)
)

// banks in the order of the encoding.
var banks = [...]uint16{SHA1, SHA256, SHA384, SHA512}

func bankHash(bank uint16) (crypto.Hash, bool) {
	switch bank {
	case SHA1:
		return crypto.SHA1, true
	case SHA256:
		return crypto.SHA256, true
	case SHA384:
		return crypto.SHA384, true
	case SHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

func sum(h crypto.Hash, parts ...[]byte) []byte {
	w := h.New()
	for _, p := range parts {
		w.Write(p)
	}
	return w.Sum(nil)
}
