package swtpm_test

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2/transport/linuxudstpm"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// stamp is what a quote says about time, and by which key.
type stamp struct {
	name  []byte
	clock tpm.ClockInfo
}

// quoted opens the TPM anew and quotes.
func quoted(t *testing.T, s *swtpm.TPM, when string) stamp {
	t.Helper()
	c, err := linuxudstpm.Open(s.Socket())
	if err != nil {
		t.Fatal(when, err)
	}
	d, err := tpm.NewDevice(t.Context(), c, tpm.Options{})
	if err != nil {
		t.Fatal(when, err)
	}
	q, err := d.Quote(t.Context(), [32]byte{1})
	if err != nil {
		t.Fatal(when, err)
	}
	info, err := tpm.CheckQuote(d.AK(), q, [32]byte{1}, tpm.Selection())
	if err != nil {
		t.Fatal(when, err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(when, err)
	}
	t.Logf("%-22s %+v", when, info.Clock)
	return stamp{d.AK().Name(), info.Clock}
}

// The two ways in which a clock goes back under one key: a clear, which anybody's new owner does, and an older state put back,
// which only the owner of a virtual TPM can do. A clear begins at zero; a restored state goes on from where it was.
func TestClearBeginsClockAndCountersAnewAndARestoredStateGoesBack(t *testing.T) {
	need(t)
	s, err := swtpm.Start(t.TempDir(), swtpm.Options{WithoutCertificates: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	orderly := func() {
		t.Helper()
		time.Sleep(100 * time.Millisecond)
		if err := s.Shutdown(nil); err != nil {
			t.Fatal(err)
		}
		if err := s.PowerCycle(); err != nil {
			t.Fatal(err)
		}
	}
	orderly()
	orderly()
	if err := s.Shutdown(nil); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := s.Snapshot(old); err != nil {
		t.Fatal(err)
	}
	kept := quoted(t, s, "at the snapshot")
	orderly()
	orderly()
	last := quoted(t, s, "two reboots later")
	if c := last.clock; c.ResetCount != kept.clock.ResetCount+2 || c.ClockMillis < kept.clock.ClockMillis+200 || !c.Safe {
		t.Errorf("%+v after %+v", c, kept.clock)
	}
	if err := s.PowerCycle(); err != nil {
		t.Fatal(err)
	}
	if c := quoted(t, s, "after a power cut").clock; c.ResetCount != last.clock.ResetCount+1 || c.Safe {
		t.Errorf("%+v after %+v, without a shutdown", c, last.clock)
	}

	if err := s.Restore(old); err != nil {
		t.Fatal(err)
	}
	restored := quoted(t, s, "restored")
	if c := restored.clock; c.ResetCount != kept.clock.ResetCount || c.ClockMillis >= last.clock.ClockMillis || c.ClockMillis == 0 {
		t.Errorf("restored %+v after %+v: clock and counters should be those of the older state", c, last.clock)
	}

	if err := s.Clear(nil); err != nil {
		t.Fatal(err)
	}
	cleared := quoted(t, s, "cleared")
	if c := cleared.clock; c.ResetCount != 0 || c.RestartCount != 0 || !c.Safe || c.ClockMillis >= restored.clock.ClockMillis {
		t.Errorf("cleared %+v after %+v", c, restored.clock)
	}
	for when, st := range map[string]stamp{"two reboots later": last, "restored": restored, "cleared": cleared} {
		if !bytes.Equal(st.name, kept.name) {
			t.Errorf("%s: the attestation key's name changed", when)
		}
	}
}
