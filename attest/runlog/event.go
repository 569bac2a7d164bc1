package runlog

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
)

// Type is what happened. The set is closed.
type Type string

const (
	TypeStart  Type = "start"  // an agent began to write
	TypeEngine Type = "engine" // an engine was seen, or one changed
	TypeStop   Type = "stop"   // the agent ended by itself
)

// Event is the content of one record.
type Event struct {
	BootID   [16]byte `cbor:"boot_id"`
	Sequence uint64   `cbor:"sequence"`
	Previous [32]byte `cbor:"previous"`
	Type     Type     `cbor:"type"`
	At       uint64   `cbor:"at"` // Unix ms, of the writer's clock
	Facts    Facts    `cbor:"facts"`
}

// Facts are what an event says: string, []byte or uint64 by name. Names are of
// lower-case letters, digits and underscores, with the unit at their end.
type Facts map[string]any

// Check holds an event against limits and closed sets.
func (e *Event) Check() error {
	switch {
	case e.BootID == [16]byte{}:
		return fmt.Errorf("event: no boot id: %w", ErrMalformed)
	case e.At == 0:
		return fmt.Errorf("event: no time: %w", ErrMalformed)
	case e.Type != TypeStart && e.Type != TypeEngine && e.Type != TypeStop:
		return fmt.Errorf("event: unknown type %.16q: %w", string(e.Type), ErrMalformed)
	case e.Sequence == 0 && e.Type != TypeStart:
		return fmt.Errorf("event: the first is %q, not a start: %w", string(e.Type), ErrMalformed)
	}
	if err := e.Facts.check(); err != nil {
		return err
	}
	if e.Type == TypeStart {
		_, err := StartOf(e.Facts)
		return err
	}
	return nil
}

func (f Facts) check() error {
	if len(f) > MaxFacts {
		return fmt.Errorf("event: %d facts, limit %d: %w", len(f), MaxFacts, ErrLimit)
	}
	for k, v := range f {
		if !goodKey(k) {
			return fmt.Errorf("event: name of a fact %.70q: %w", k, ErrMalformed)
		}
		size := 0
		switch v := v.(type) {
		case uint64:
		case []byte:
			size = len(v)
		case string:
			if size = len(v); v != attest.Clean(v) && size <= MaxValue {
				return fmt.Errorf("event: fact %s has control characters: %w", k, ErrMalformed)
			}
		default:
			return fmt.Errorf("event: fact %s is a %T: %w", k, v, ErrMalformed)
		}
		if size > MaxValue {
			return fmt.Errorf("event: fact %s of %d bytes, limit %d: %w", k, size, MaxValue, ErrLimit)
		}
	}
	return nil
}

func goodKey(k string) bool {
	for _, c := range []byte(k) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return k != "" && len(k) <= MaxKey
}
