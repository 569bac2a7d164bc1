package verify

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/stats"
)

// MaxStatLine bounds a line of a file of statistical results: a signed record in base64url.
const MaxStatLine = 2 * stats.MaxResultSize

// statLine is a signed record on a line of its own; a bare record is the record itself.
type statLine struct {
	Signed string `json:"stat_result"`
}

// MarshalStatResult returns a line of a results file, signed where key is non-nil.
func MarshalStatResult(key *ecdsa.PrivateKey, r *stats.Result) ([]byte, error) {
	payload, err := stats.Marshal(r)
	if err != nil || key == nil {
		return payload, err
	}
	doc, err := sign.Seal(key, attest.TypeStatResult, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(statLine{base64.RawURLEncoding.EncodeToString(doc)})
}

// StatResult is a record as read, and who is said to have signed it.
type StatResult struct {
	*stats.Result
	Signer  *attest.Digest // nil for a bare record
	Checked bool           // the signature verifies under the key that was given
}

// ReadStatResult reads one line. With a key, bare records and those of others
// are refused; without one nothing is checked, and the record is the word of whoever handed it over.
func ReadStatResult(line []byte, key *ecdsa.PublicKey) (*StatResult, error) {
	if len(line) > MaxStatLine {
		return nil, fmt.Errorf("stat-result: %d bytes, limit %d", len(line), MaxStatLine)
	}
	var l statLine
	dec := json.NewDecoder(strings.NewReader(string(line)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil || l.Signed == "" || dec.More() {
		if key != nil {
			return nil, errors.New("stat-result: not signed, and a signer's key was given")
		}
		r, err := stats.Parse(line)
		if err != nil {
			return nil, err
		}
		return &StatResult{Result: r}, nil
	}
	doc, err := base64.RawURLEncoding.Strict().DecodeString(l.Signed)
	if err != nil {
		return nil, fmt.Errorf("stat-result: %w", err)
	}
	m, err := sign.Open(doc, attest.TypeStatResult, MaxStatLine)
	if err != nil {
		return nil, fmt.Errorf("stat-result: %w", err)
	}
	payload := m.Unverified()
	if key != nil {
		if payload, err = m.Verify(key); err != nil {
			return nil, fmt.Errorf("stat-result: %w", err)
		}
	}
	r, err := stats.ParseCanonical(payload)
	if err != nil {
		return nil, err
	}
	signer := m.KeyID()
	return &StatResult{r, &signer, key != nil}, nil
}
