package replay_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/attest/tdx/replay"
)

// rtmr is RTMR3 in memory, which remembers what went in.
type rtmr struct {
	value   quote.Measurement
	extends []quote.Measurement
}

func (r *rtmr) Read(context.Context) (map[uint16][]byte, error) {
	v := r.value
	return map[uint16][]byte{runlog.SHA384: v[:]}, nil
}

func (r *rtmr) Extend(_ context.Context, digests map[uint16][]byte) error {
	r.extend(quote.Measurement(digests[runlog.SHA384]))
	return nil
}

func (r *rtmr) extend(d quote.Measurement) {
	r.value = replay.Extend(r.value, d)
	r.extends = append(r.extends, d)
}

// ours writes three records of the production writer.
func ours(t *testing.T, r *rtmr, boot byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runtime.cel")
	l, err := runlog.Open(t.Context(), runlog.Options{Path: path, BootID: [16]byte{boot}, PCR: replay.RuntimeIndex, Register: r,
		Clock: func() time.Time { return time.UnixMilli(1_800_000_000_000) }})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.Append(t.Context(), runlog.TypeStart, runlog.Start{Version: "1"}.Facts()); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRuntimeLogReplaysInRTMR3(t *testing.T) {
	var r rtmr
	log := ours(t, &r, 1)
	got, err := replay.Runtime(log, nil, r.value)
	if err != nil || len(got.Records) != 3 || got.Foreign != 0 || got.Pending != 0 {
		t.Fatalf("%+v %v", got, err)
	}
	// The register before the last record was extended.
	var two rtmr
	two.extend(r.extends[0])
	two.extend(r.extends[1])
	if got, err := replay.Runtime(log, nil, two.value); err != nil || len(got.Records) != 2 || got.Pending != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := replay.Runtime(log, nil, quote.Measurement{1}); !errors.Is(err, replay.ErrReplay) {
		t.Error(err)
	}
	if _, err := replay.Runtime(log[:len(log)-1], nil, r.value); !errors.Is(err, replay.ErrReplay) {
		t.Error(err)
	}
	log[20] ^= 1
	if _, err := replay.Runtime(log, nil, r.value); err == nil {
		t.Error("a changed log")
	}
}

// TestForeignEventsAreTolerated: dstack, Confidential Space and others extend the same register.
func TestForeignEventsAreTolerated(t *testing.T) {
	var r rtmr
	log := ours(t, &r, 1)
	a, b, c := r.extends[0], r.extends[1], r.extends[2]
	x, y := quote.Measurement{0xaa}, quote.Measurement{0xbb}
	for name, w := range map[string]struct {
		order            []quote.Measurement
		records, foreign int
		bad              bool
	}{
		"among ours":        {[]quote.Measurement{x, a, y, b, c, x}, 3, 3, false},
		"ours not yet all":  {[]quote.Measurement{x, a, b}, 2, 1, false},
		"ours not at all":   {[]quote.Measurement{x, y, x}, 0, 3, false},
		"nothing":           {[]quote.Measurement{}, 0, 0, false},
		"one of ours twice": {[]quote.Measurement{a, a, b, c}, 0, 0, true},
		"again at the end":  {[]quote.Measurement{a, b, c, x, a}, 0, 0, true},
		"one left out":      {[]quote.Measurement{a, c}, 0, 0, true},
		"out of order":      {[]quote.Measurement{b, a, c}, 0, 0, true},
	} {
		var r rtmr
		for _, d := range w.order {
			r.extend(d)
		}
		got, err := replay.Runtime(log, w.order, r.value)
		if w.bad {
			if !errors.Is(err, replay.ErrReplay) {
				t.Errorf("%s: %+v %v", name, got, err)
			}
			continue
		}
		if err != nil || len(got.Records) != w.records || got.Foreign != w.foreign || got.Pending != 3-w.records {
			t.Errorf("%s: %+v %v", name, got, err)
		}
		// The guest went on after the quote.
		if more, err := replay.Runtime(log, append(slices.Clone(w.order), y), r.value); err != nil || more.Foreign != w.foreign {
			t.Errorf("%s, and one behind the quote: %+v %v", name, more, err)
		}
		if len(w.order) > 0 {
			if _, err := replay.Runtime(log, w.order[1:], r.value); !errors.Is(err, replay.ErrReplay) {
				t.Errorf("%s, and one kept back: %v", name, err)
			}
		}
	}
}

// TestCapturedRTMR3WithForeignEvents: a real register full of dstack's events and none of ours.
func TestCapturedRTMR3WithForeignEvents(t *testing.T) {
	log, rtmrs := dstack(t)
	events, err := replay.Dstack(log)
	if err != nil {
		t.Fatal(err)
	}
	got, err := replay.Runtime(nil, replay.Of(events, 3), rtmrs[3])
	if err != nil || got.Foreign != 8 {
		t.Errorf("%+v %v", got, err)
	}
}
