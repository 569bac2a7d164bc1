package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Parse reads a record in any order and spacing, for what other tools wrote by
// hand. Duplicate and unknown members, null, empty members and numbers out of range
// are refused, and everything that check refuses, with the reason.
func Parse(b []byte) (*Result, error) {
	r, _, err := parse(b)
	return r, err
}

// ParseCanonical reads a record that must be in its one form, as signed ones are.
func ParseCanonical(b []byte) (*Result, error) {
	r, form, err := parse(b)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(form, b) {
		return nil, fmt.Errorf("stat-result: %w", ErrNotCanonical)
	}
	return r, nil
}

func parse(b []byte) (*Result, []byte, error) {
	r, form, err := decode(b)
	if err != nil {
		return nil, nil, fmt.Errorf("stat-result: %w", err)
	}
	return r, form, nil
}

func decode(b []byte) (*Result, []byte, error) {
	if len(b) > MaxResultSize {
		return nil, nil, fmt.Errorf("%d bytes, limit %d", len(b), MaxResultSize)
	}
	v, err := tree(b)
	if err != nil {
		return nil, nil, err
	}
	form, err := appendCanonical(nil, v)
	if err != nil {
		return nil, nil, err
	}
	var r Result
	dec := json.NewDecoder(bytes.NewReader(form))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return nil, nil, err
	}
	if err := r.check(); err != nil {
		return nil, nil, err
	}
	// The library takes "ID" for "id" and keeps nothing of an empty member: what the record says must be all that was read.
	again, err := canonical(&r)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(again, form) {
		return nil, nil, errors.New("a member's name is spelled in capitals, or a member is empty or false: leave it out")
	}
	return &r, form, nil
}
