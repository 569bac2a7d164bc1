package verify

import (
	"bytes"
	"crypto/ecdsa"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Limits of a file of statistical results.
const (
	MaxStatFile    = 256 << 20 // bytes
	MaxStatResults = 1 << 18   // lines
)

// ReadStatResults reads a file of results, one on each line. With a signer every line must be signed by that key.
// Without one, lines signed by own (the validator whose records are judged) are verified, bare lines are the word of
// whoever hands the file over, and those signed by others are read unchecked: rules show them and weigh nothing of them.
func ReadStatResults(file []byte, signer, own *ecdsa.PublicKey) ([]StatResult, error) {
	if len(file) > MaxStatFile {
		return nil, fmt.Errorf("stat-results: %d bytes, limit %d: split the file by nodes", len(file), MaxStatFile)
	}
	var mine attest.Digest
	if own != nil {
		var err error
		if mine, err = attest.KeyDigest(own); err != nil {
			return nil, err
		}
	}
	var out []StatResult
	n := 0
	for line := range bytes.Lines(file) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(out) == MaxStatResults {
			return nil, fmt.Errorf("stat-results: more than %d lines: split the file by nodes", MaxStatResults)
		}
		r, err := ReadStatResult(line, signer)
		if err == nil && signer == nil && own != nil && r.Signer != nil && *r.Signer == mine {
			r, err = ReadStatResult(line, own)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, *r)
	}
	return out, nil
}
