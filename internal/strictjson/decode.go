// Package strictjson reads JSON files that people write and others judge by: what is not understood is an error.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Decode reads one JSON value into v: no unknown member, none that stands twice, nothing behind it. Bound the size first.
func Decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes behind the JSON value")
	}
	return Unique(b)
}
