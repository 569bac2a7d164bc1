package ima

import (
	"crypto"
	_ "crypto/sha1" // algorithms whose digests are recognised
	_ "crypto/sha256"
	_ "crypto/sha512"
	"strings"
)

// Digest is a file's or buffer's digest as the kernel states it.
type Digest struct {
	Alg    string // "sha256"
	Value  []byte
	Verity bool // the fs-verity digest (d-ngv2), otherwise the digest of the content
}

// parseDigest reads "sha256:" 0x00 and the digest. MinDigest keeps the template "ima"
// apart from all others: a field that begins in its bare 20 bytes ends behind them, in the
// file's name, which has no zeros, and there no length of a next field can stand.
func parseDigest(b []byte, text string) (Digest, bool) {
	i := strings.Index(text, ":\x00")
	if i < 1 || i > 16 || strings.ContainsFunc(text[:i], notAlg) {
		return Digest{}, false
	}
	d := Digest{Alg: text[:i], Value: b[i+2:]}
	if n := d.size(); n != 0 && n != len(d.Value) || len(d.Value) < MinDigest || len(d.Value) > MaxDigest {
		return Digest{}, false
	}
	return d, true
}

func notAlg(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

func (d Digest) hash() (crypto.Hash, bool) {
	switch d.Alg {
	case "sha1":
		return crypto.SHA1, true
	case "sha224":
		return crypto.SHA224, true
	case "sha256":
		return crypto.SHA256, true
	case "sha384":
		return crypto.SHA384, true
	case "sha512":
		return crypto.SHA512, true
	}
	return 0, false
}

// size is the length that the algorithm demands, 0 where this package does not know it.
func (d Digest) size() int {
	if h, ok := d.hash(); ok {
		return h.Size()
	}
	return 0
}
