package replay

import (
	"crypto/sha512"
	"errors"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Limits, bytes unless stated.
const (
	MaxTable  = 256
	MaxLog    = 6 << 20
	MaxEvents = 65536 // elements
)

var (
	// ErrMalformed says that a log cannot be read.
	ErrMalformed = errors.New("malformed")
	// ErrReplay says that a log does not lead to the register.
	ErrReplay = errors.New("does not replay")
)

// Event is one extension of a register.
type Event struct {
	RTMR   int
	Type   uint32 // not authentic
	Digest quote.Measurement
	Name   string // dstack's
	Data   []byte
	// Proven says that Digest follows from Name and Data.
	Proven bool
}

// Extend is what TDG.MR.RTMR.EXTEND does: SHA-384(register || digest).
func Extend(register, digest quote.Measurement) quote.Measurement {
	return sha512.Sum384(append(register[:], digest[:]...))
}

// Registers are the four RTMRs after these events, from zero, as at the TD's start.
func Registers(events []Event) (out [4]quote.Measurement) {
	for i := range events {
		out[events[i].RTMR] = Extend(out[events[i].RTMR], events[i].Digest)
	}
	return out
}

// Of gives the digests that went into one register, in order.
func Of(events []Event, rtmr int) (out []quote.Measurement) {
	for i := range events {
		if events[i].RTMR == rtmr {
			out = append(out, events[i].Digest)
		}
	}
	return out
}

// Replayed says of each register whether the events lead to it.
func Replayed(events []Event, rtmrs [4]quote.Measurement) (ok [4]bool) {
	got := Registers(events)
	for i := range ok {
		ok[i] = got[i] == rtmrs[i]
	}
	return ok
}
