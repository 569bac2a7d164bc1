package compute

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits on the files that numbers are computed from.
const (
	MaxFile      = 1 << 30
	MaxLine      = 1 << 20
	MaxNodes     = 4096
	MaxQuestions = 1024
	MaxRepeat    = 1023 // of one question to one node
	MaxDims      = 16384
	MaxValue     = 1e9 // of one dimension
	MaxID        = 128 // bytes of a node's or a question's id
	MaxTokens    = 1 << 24
	MaxTime      = 24 * 60 * 60 * 1000 // ms
	MinTime      = 1e-3                // ms; below, a rate of tokens would have no finite value
)

// lines yields the lines of a JSON Lines file that are not empty, with their numbers from 1.
func lines(b []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		n := 0
		for l := range bytes.Lines(b) {
			n++
			if l = bytes.TrimSpace(l); len(l) > 0 && !yield(n, l) {
				return
			}
		}
	}
}

var memberForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// decodeLine reads one object strictly: no unknown or duplicate member, none in capitals, no null.
func decodeLine(line []byte, v any) error {
	if len(line) > MaxLine {
		return fmt.Errorf("%d bytes, limit %d", len(line), MaxLine)
	}
	if !utf8.Valid(line) {
		return errors.New("not UTF-8")
	}
	if err := members(line, true); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return syntax(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes behind the object: one object on a line")
	}
	return nil
}

// members refuses what the library would let pass: members that stand twice, null, and at the top names in capitals.
func members(object []byte, top bool) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("want one JSON object on the line")
	}
	seen := map[string]bool{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return syntax(err)
		}
		name, _ := k.(string)
		if seen[name] {
			return fmt.Errorf("member %.40q stands twice", name)
		}
		seen[name] = true
		if top && !memberForm.MatchString(name) {
			return fmt.Errorf("unknown member %.40q: names are lower case", name)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return syntax(err)
		}
		switch {
		case string(raw) == "null":
			return fmt.Errorf("member %.40q is null: leave it out", name)
		case raw[0] == '{':
			if err := members(raw, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// syntax says an error of the library in words of the file: it names Go types otherwise.
func syntax(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("member %q: a JSON %s does not fit there", wrong.Field, wrong.Value)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func atLine(file string, n int, err error) error { return fmt.Errorf("%s line %d: %w", file, n, err) }
