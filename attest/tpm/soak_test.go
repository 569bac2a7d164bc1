package tpm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// soakEnv asks for a longer soak: its value is the number of quotes (make soak: 100,000).
const soakEnv = "HALLMARK_SOAK"

// soakGrowth is how much this process may grow from the first tenth of a soak to its end: Go's heap breathes, a leak of
// 100 bytes a quote would be 9 MB.
const soakGrowth = 8 << 20

// Days of quoting leave nothing loaded and nothing behind: a session or object that leaks once in a thousand quotes stops a
// real TPM on the second day. What goes wrong in those days is among it: callers that leave, credentials that fail, resets.
func TestSoakLeavesNoHandleNoSessionAndNoMemory(t *testing.T) {
	quotes, long := soakLength(t)
	s := ownTPM(t)
	c := dial(t, s)
	d, err := tpm.NewDevice(t.Context(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	goroutines := runtime.NumGoroutine()
	begin, first := time.Now(), 0
	for i := range quotes {
		trouble(t, d, i, func() error { return s.Reset(c) })
		var qd [32]byte
		binary.BigEndian.PutUint64(qd[:], uint64(i))
		q, err := d.Quote(t.Context(), qd)
		if err != nil {
			t.Fatal(i, err)
		}
		if i%100 == 0 {
			if _, err := tpm.CheckQuote(d.AK(), q, qd, tpm.Selection()); err != nil {
				t.Fatal(i, err)
			}
		}
		if done := i + 1; long && done%(quotes/10) == 0 {
			if first == 0 {
				first = resident(t)
			}
			t.Logf("%7d quotes, %6.1f s: %d KiB resident, %d goroutines, %d objects, %d sessions", done, time.Since(begin).Seconds(), resident(t)>>10,
				runtime.NumGoroutine(), len(handles(t, c, 0x80000000)), len(handles(t, c, 0x02000000))+len(handles(t, c, 0x03000000)))
		}
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	wantClean(t, c)
	if last := resident(t); long && last > first+soakGrowth {
		t.Errorf("%d KiB resident after the first tenth, %d at the end", first>>10, last>>10)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d at first", runtime.NumGoroutine(), goroutines)
		}
	}
}

func soakLength(t *testing.T) (quotes int, long bool) {
	t.Helper()
	v := os.Getenv(soakEnv)
	if v == "" {
		return 2000, false
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 10 {
		t.Fatalf("%s=%s: want a number of quotes, at least 10", soakEnv, v)
	}
	return n, true
}

// trouble is what happens between quotes, at counts that share no factor.
func trouble(t *testing.T, d *tpm.Device, i int, reset func() error) {
	t.Helper()
	if i%997 == 500 { // a caller that has left already, and one that leaves while the TPM works
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Quote(ctx, qualifying(1)); !errors.Is(err, context.Canceled) {
			t.Fatal(i, err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 200*time.Microsecond)
		_, _ = d.Quote(ctx, qualifying(1)) // either is right
		cancel()
	}
	if i%991 == 400 { // makes an endorsement key and a policy session before the TPM refuses
		if _, err := d.Activate(t.Context(), "L-2", bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 68)); err == nil {
			t.Fatal("nonsense was activated")
		}
	}
	if i%9973 == 1500 {
		if err := reset(); err != nil {
			t.Fatal(i, err)
		}
	}
}

// resident is this process's resident set in bytes (proc(5), /proc/self/statm), after a collection.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
