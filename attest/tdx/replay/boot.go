package replay

import (
	"fmt"

	"github.com/google/go-eventlog/ccel"
	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/proto/state"
	"github.com/google/go-eventlog/register"

	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
)

// Boot is a firmware log that was held against a quote.
type Boot struct {
	Events   []Event
	Replayed [4]bool // by register. RTMR3 has what came after boot, which is not in this log
	// State is what go-eventlog extracts from a log that replays (Secure Boot, keys, loader, kernel), nil where it cannot; StateErr says why.
	State    *state.FirmwareLogState
	StateErr error
}

// CCEL replays the firmware's log against the RTMRs of a checked quote. It is an error where it cannot be read or RTMR0, 1 or 2 does
// not replay: firmware, loader and kernel measure there, all of it is in the log, and a log that leaves something out says nothing.
func CCEL(table, log []byte, rtmrs [4]quote.Measurement, loader extract.Bootloader) (*Boot, error) {
	events, err := ParseCCEL(table, log)
	if err != nil {
		return nil, err
	}
	b := &Boot{Events: events, Replayed: Replayed(events, rtmrs)}
	for i, ok := range b.Replayed[:3] {
		if !ok {
			return b, fmt.Errorf("ccel: RTMR%d: %w", i, ErrReplay)
		}
	}
	bank := register.RTMRBank{}
	for i := range rtmrs {
		if b.Replayed[i] {
			bank.RTMRs = append(bank.RTMRs, register.RTMR{Index: i, Digest: rtmrs[i][:]})
		}
	}
	b.StateErr = guard(func() (err error) {
		b.State, err = ccel.ReplayAndExtract(table, log, bank, extract.Opts{Loader: loader})
		return err
	})
	if b.StateErr != nil {
		b.State = nil // the library gives half of one beside its error
	}
	return b, nil
}

// guard turns a panic of the library into an error: it reads events whose data nobody authenticated.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("ccel: the library panics (%v): %w", r, ErrMalformed)
		}
	}()
	return f()
}
