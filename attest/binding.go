package attest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"slices"
)

// The formulas of docs/format.md section "Binding". Every part has a fixed
// length or is the last one, so no two inputs concatenate to the same bytes.

// labelled is SHA-256 over an ASCII label and parts.
func labelled(label string, parts ...[]byte) Digest {
	h := sha256.New()
	h.Write([]byte(label))
	for _, p := range parts {
		h.Write(p)
	}
	return Digest(h.Sum(nil))
}

// Leaf binds one challenge, as received, to its own answer.
func Leaf(challenge, answer []byte) Digest {
	c, a := sha256.Sum256(challenge), sha256.Sum256(answer)
	return labelled("hallmark/leaf/1", c[:], a[:])
}

// BatchRoot binds the tree's root to the number of its leaves; it is the eat_nonce of the evidence.
func BatchRoot(size uint32, treeRoot Digest) Digest {
	return labelled("hallmark/batch/1", binary.BigEndian.AppendUint32(nil, size), treeRoot[:])
}

// Binding binds root, evidence key and bound claims. bound is hashed exactly as it stands in the envelope.
func Binding(root, evidenceKey Digest, bound []byte) Digest {
	b := sha256.Sum256(bound)
	return labelled("hallmark/bind/1", root[:], evidenceKey[:], b[:])
}

// Inner covers the quotes that stand inside an outer quote: SHA-256 over the
// deterministic encoding of {kind: SHA-256(canonical quote)}, possibly empty.
func Inner(quotes map[Kind]Digest) (Digest, error) {
	b, err := Marshal(quotes)
	if err != nil {
		return Digest{}, err
	}
	return sha256.Sum256(b), nil
}

// TDXReportData is the report data of a TD quote. It names the attestation key of the
// TPM beside it and of the host below it, as digests of their Names; zeros where there is none.
func TDXReportData(binding, localAK, hostAK Digest) [64]byte {
	return sha512.Sum512(slices.Concat([]byte("hallmark/tdx/1"), binding[:], localAK[:], hostAK[:]))
}

// TPMQualifying is the qualifyingData of the TPM quote.
func TPMQualifying(binding, inner Digest) Digest {
	return labelled("hallmark/tpm/1", binding[:], inner[:])
}
