package replay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-eventlog/extract"

	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/attest/tdx/replay"
)

func parse(t testing.TB, name string) *quote.Quote {
	t.Helper()
	q, err := quote.Parse(vectors.Read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func gce(t testing.TB) (table, log []byte, rtmrs [4]quote.Measurement) {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(vectors.Read(t, "google-ccel_data.dat.gz")))
	if err != nil {
		t.Fatal(err)
	}
	if log, err = io.ReadAll(zr); err != nil {
		t.Fatal(err)
	}
	return vectors.Read(t, "google-ccel_table.dat"), log, parse(t, "google-cos-113-tdx-quote.dat").Body.RTMR
}

func TestCapturedCCELReplays(t *testing.T) {
	table, log, rtmrs := gce(t)
	b, err := replay.CCEL(table, log, rtmrs, extract.GRUB)
	if err != nil || b.StateErr != nil {
		t.Fatal(err, b.StateErr)
	}
	if b.Replayed != [4]bool{true, true, true, true} || b.State.GetSecureBoot() == nil || b.State.GetLinuxKernel().GetCommandLine() == "" {
		t.Errorf("%v, %d events, %v", b.Replayed, len(b.Events), b.State)
	}
	// RTMR3 is extended after boot; the others are not.
	for i := range rtmrs {
		changed := rtmrs
		changed[i][7] ^= 1
		b, err := replay.CCEL(table, log, changed, extract.GRUB)
		if (i < 3) != errors.Is(err, replay.ErrReplay) || b.Replayed[i] {
			t.Errorf("RTMR%d: %v", i, err)
		}
	}
	for name, bad := range map[string][2][]byte{
		"table of SEV":    {put(table, 36, 1), log},
		"another table":   {put(table, 0, 'X'), log},
		"cut table":       {table[:55], log},
		"no log":          {table, nil},
		"padding within":  {table, append(bytes.Clone(log), 0)},
		"cut in an event": {table, log[:3000]},
	} {
		if _, err := replay.CCEL(bad[0], bad[1], rtmrs, extract.GRUB); err == nil {
			t.Error(name)
		}
	}
}

func dstack(t testing.TB) (log []byte, rtmrs [4]quote.Measurement) {
	t.Helper()
	var report struct {
		EventLog string `json:"event_log"`
	}
	if err := json.Unmarshal(vectors.Read(t, "dstack-verifier-quote-report.json"), &report); err != nil {
		t.Fatal(err)
	}
	return []byte(report.EventLog), parse(t, "dstack-verifier-quote-report.quote.bin").Body.RTMR
}

func TestCapturedDstackLogReplays(t *testing.T) {
	log, rtmrs := dstack(t)
	events, err := replay.Dstack(log)
	if err != nil {
		t.Fatal(err)
	}
	if got := replay.Replayed(events, rtmrs); got != [4]bool{true, true, true, true} {
		t.Fatal(got)
	}
	var names []string
	for _, e := range events {
		if e.RTMR == 3 && e.Proven {
			names = append(names, e.Name)
		}
	}
	if want := []string{"system-preparing", "app-id", "compose-hash", "instance-id", "boot-mr-done", "key-provider", "system-ready", "LIUM_MINER_HOTKEY"}; !slices.Equal(names, want) {
		t.Error(names)
	}
	for name, bad := range map[string][2]string{"payload": {"3763bc34", "3763bc35"}, "name": {"compose-hash", "compose-hasx"}, "colon": {"app-id", "app:id"}} {
		changed, err := replay.Dstack(bytes.Replace(log, []byte(bad[0]), []byte(bad[1]), 1))
		if err != nil {
			t.Fatal(name, err)
		}
		proven := 0
		for _, e := range changed {
			if e.Proven {
				proven++
			}
		}
		if proven != len(names)-1 || replay.Replayed(changed, rtmrs) != [4]bool{true, true, true, true} {
			t.Errorf("%s: %d proven", name, proven)
		}
	}
	for i := range events {
		if fewer := slices.Delete(slices.Clone(events), i, i+1); replay.Replayed(fewer, rtmrs)[events[i].RTMR] {
			t.Errorf("replays without event %d", i)
		}
	}
}

// TestMutatedLogs: no panic, and what replays has the digests it had.
func TestMutatedLogs(t *testing.T) {
	table, log, rtmrs := gce(t)
	log = bytes.TrimRight(log, "\xff")
	want, err := replay.ParseCCEL(table, log)
	if err != nil {
		t.Fatal(err)
	}
	dlog, drtmrs := dstack(t)
	r := rand.New(rand.NewPCG(3, 3))
	for range vectors.Mutations(t) / 10 {
		b, err := replay.CCEL(table, vectors.Mutate(r, log, log), rtmrs, extract.GRUB)
		for i := range 3 {
			if err == nil && !slices.Equal(replay.Of(b.Events, i), replay.Of(want, i)) {
				t.Fatalf("other digests replay to RTMR%d", i)
			}
		}
		if events, err := replay.Dstack(vectors.Mutate(r, dlog, dlog)); err == nil {
			replay.Replayed(events, drtmrs)
		}
	}
}

func FuzzCCEL(f *testing.F) {
	table, log, rtmrs := gce(f)
	f.Add(bytes.TrimRight(log, "\xff"))
	f.Fuzz(func(_ *testing.T, log []byte) { _, _ = replay.CCEL(table, log, rtmrs, extract.GRUB) })
}

func FuzzDstack(f *testing.F) {
	log, rtmrs := dstack(f)
	f.Add(log)
	f.Fuzz(func(_ *testing.T, log []byte) {
		if events, err := replay.Dstack(log); err == nil {
			replay.Replayed(events, rtmrs)
		}
	})
}

func put(raw []byte, at int, b ...byte) []byte {
	raw = bytes.Clone(raw)
	copy(raw[at:], b)
	return raw
}
