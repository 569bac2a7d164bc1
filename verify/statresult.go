package verify

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

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
	Digest  string         // of the line's record, "sha256:…"
	Signer  *attest.Digest // nil for a bare record
	Checked bool           // the signature verifies under the key that was given
}

// ReadStatResult reads one line. With a key, bare records and those of others
// are refused; without one nothing is checked, and the record is the word of whoever handed it over.
func ReadStatResult(line []byte, key *ecdsa.PublicKey) (*StatResult, error) {
	if len(line) > MaxStatLine {
		return nil, fmt.Errorf("stat-result: %d bytes, limit %d", len(line), MaxStatLine)
	}
	signed, err := signedPart(line)
	switch {
	case err != nil: // a line that was cut is that, and not one without signature
		return nil, fmt.Errorf("stat-result: %w", err)
	case signed == "" && key != nil:
		return nil, errors.New("stat-result: not signed, and a signer's key was given")
	case signed == "":
		r, err := stats.Parse(line)
		if err != nil {
			return nil, err
		}
		return &StatResult{Result: r, Digest: digestText(line)}, nil
	}
	doc, err := base64.RawURLEncoding.Strict().DecodeString(signed)
	if err != nil {
		return nil, fmt.Errorf("stat-result: %w", err)
	}
	if base64.RawURLEncoding.EncodeToString(doc) != signed { // the library skips line breaks
		return nil, errors.New("stat-result: base64url with line breaks")
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
	return &StatResult{r, digestText(payload), &signer, key != nil}, nil
}

// signedPart returns what stands in stat_result, "" where line is a bare record: an
// object without that member. Members stand once, and nothing follows the object.
func signedPart(line []byte) (signed string, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	t, err := dec.Token()
	if err != nil {
		return "", cut(err)
	}
	if t != json.Delim('{') {
		return "", errors.New("want one JSON object on the line")
	}
	seen := map[string]json.RawMessage{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return "", cut(err)
		}
		name, _ := k.(string)
		if _, twice := seen[name]; twice {
			return "", fmt.Errorf("member %.80q stands twice", name)
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return "", cut(err)
		}
		seen[name] = v
	}
	if _, err := dec.Token(); err != nil {
		return "", cut(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("bytes behind the object: one object on a line")
	}
	v, ok := seen["stat_result"]
	if !ok {
		return "", nil
	}
	if len(seen) > 1 {
		return "", errors.New("members beside stat_result")
	}
	if err := json.Unmarshal(v, &signed); err != nil || signed == "" {
		return "", errors.New("stat_result: want base64url of a signed record")
	}
	return signed, nil
}

func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the line is cut off")
	}
	return err
}
