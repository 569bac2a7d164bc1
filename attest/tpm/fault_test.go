package tpm_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/internal/sim/tpmfault"
)

// wantQuote demands a quote that checks out: what every fault must be followed by.
func wantQuote(t *testing.T, d *tpm.Device, when string) {
	t.Helper()
	q, err := d.Quote(within(t, 10*time.Second), qualifying(1))
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

func TestShortTroubleIsWaitedOutAndLastingTroubleSaysWhatToDo(t *testing.T) {
	f := tpmfault.New(dial(t, sharedTPM(t)))
	d := open(t, f)
	for _, c := range []struct {
		rc   tpm2.TPMRC
		name string
		sent int // commands until it is given up
		do   string
	}{
		{tpm2.TPMRCRetry, "TPM_RC_RETRY", 10, "ask again"},
		{tpm2.TPMRCYielded, "TPM_RC_YIELDED", 10, "ask again"},
		{tpm2.TPMRCTesting, "TPM_RC_TESTING", 10, "power the host off and on"},
		{tpm2.TPMRCNVRate, "TPM_RC_NV_RATE", 10, "ask again in a minute"},
		{tpm2.TPMRCNVUnavailable, "TPM_RC_NV_UNAVAILABLE", 10, "ask again in a minute"},
		{tpm2.TPMRCLockout, "TPM_RC_LOCKOUT", 1, "tpm2_dictionarylockout -c"},
		{tpm2.TPMRCObjectMemory, "TPM_RC_OBJECT_MEMORY", 1, "/dev/tpmrm0"},
		{tpm2.TPMRCFailure, "TPM_RC_FAILURE", 1, "power the host off and on"},
		{tpm2.TPMRCInitialize, "TPM_RC_INITIALIZE", 1, "tpm2_startup -c"},
		{tpm2.TPMRCCanceled, "TPM_RC_CANCELED", 1, "ask again"},
	} {
		if c.sent > 1 {
			f.Fail(tpm2.TPMCCQuote, 0, 3, tpmfault.Answer(c.rc))
			wantQuote(t, d, c.name+" thrice")
		}
		before := f.Sent(tpm2.TPMCCQuote)
		f.Fail(tpm2.TPMCCQuote, 0, -1, tpmfault.Answer(c.rc))
		_, err := d.Quote(within(t, 10*time.Second), qualifying(1))
		if !errors.Is(err, c.rc) || !strings.Contains(err.Error(), c.name) || !strings.Contains(err.Error(), c.do) {
			t.Errorf("%s for ever: %v", c.name, err)
		}
		if n := f.Sent(tpm2.TPMCCQuote) - before; n != c.sent {
			t.Errorf("%s for ever: sent %d times, want %d", c.name, n, c.sent)
		}
		f.Heal()
		wantQuote(t, d, "after "+c.name)
	}
}

func TestHungTPMRespectsDeadlinesAndTellsOthers(t *testing.T) {
	f := tpmfault.New(dial(t, sharedTPM(t)))
	d, err := tpm.NewDevice(context.Background(), f, tpm.Options{Hung: 600 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	f.Fail(tpmfault.Any, 0, 1, tpmfault.Hang(release))
	begin := time.Now()
	if _, err := d.Quote(within(t, 50*time.Millisecond), qualifying(1)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "goes on in the chip") {
		t.Errorf("caller of a hung TPM: %v", err)
	}
	var busy *tpm.BusyError
	if _, err := d.ReadClock(within(t, 20*time.Millisecond)); !errors.As(err, &busy) || busy.Hung || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second caller, before it counts as hung: %v", err)
	}
	if _, err := d.ReadClock(context.Background()); !errors.As(err, &busy) || !busy.Hung || busy.Step != "quote" || !strings.Contains(err.Error(), "power the host off and on") {
		t.Errorf("caller without a deadline: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	close(release)
	var q tpm.Quote
	for range 200 { // until the abandoned quote has ended, the TPM counts as hung
		if q, err = d.Quote(within(t, 5*time.Second), qualifying(2)); !errors.As(err, &busy) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err != nil {
		t.Fatal("after the TPM came back:", err)
	}
	if _, err := tpm.CheckQuote(d.AK(), q, qualifying(2), tpm.Selection()); err != nil {
		t.Error(err)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestLostKeyIsMadeAgainOnceOnly(t *testing.T) {
	f := tpmfault.New(dial(t, sharedTPM(t)))
	d := open(t, f)
	f.Fail(tpm2.TPMCCQuote, 0, 1, tpmfault.Answer(tpm2.TPMRCReferenceH0))
	if _, err := d.Quote(within(t, 5*time.Second), qualifying(1)); err != nil || f.Sent(tpm2.TPMCCQuote) != 2 {
		t.Errorf("%v after %d quotes", err, f.Sent(tpm2.TPMCCQuote))
	}
	f.Fail(tpm2.TPMCCQuote, 0, -1, tpmfault.Answer(tpm2.TPMRCReferenceH0))
	_, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if !errors.Is(err, tpm2.TPMRCReferenceH0) || f.Sent(tpm2.TPMCCQuote) != 4 {
		t.Errorf("%v after %d quotes", err, f.Sent(tpm2.TPMCCQuote))
	}
	if !strings.HasPrefix(err.Error(), "tpm quote: ") {
		t.Errorf("step not named: %v", err)
	}
	if got := handles(t, f, 0x80000000); len(got) != 1 {
		t.Errorf("the fake only said that the key was lost, but %d are loaded", len(got))
	}
}

// Each answer that a quote needs is cut or lost in turn, those that make a lost key again too: the error says so, the next
// quote is right, and no copy of the key stays behind.
func TestAnswerCutOrLostIsSaidAndForgotten(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	for name, do := range map[string]tpmfault.Action{"no header": tpmfault.Cut(6), "header only": tpmfault.Cut(10),
		"cut in the body": tpmfault.Cut(15), "lost": tpmfault.Lose()} {
		want := "broken answer"
		if name == "lost" {
			want = "dmesg"
		}
		for on, reset := range map[tpm2.TPMCC]bool{tpm2.TPMCCPCRRead: false, tpm2.TPMCCQuote: false, tpm2.TPMCCGetCapability: true, tpm2.TPMCCCreatePrimary: true} {
			f := tpmfault.New(c)
			d, err := tpm.NewDevice(within(t, 5*time.Second), f, tpm.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if reset {
				if err := s.Reset(c); err != nil {
					t.Fatal(err)
				}
			}
			f.Fail(on, 0, 1, do)
			_, err = d.Quote(within(t, 5*time.Second), qualifying(1))
			if err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, tpm.ErrBroken) == (name == "lost") {
				t.Errorf("%s, %v: %v", name, on, err)
			}
			wantQuote(t, d, name)
			if got := handles(t, c, 0x80000000); len(got) != 1 {
				t.Errorf("%s, %v: %d objects are loaded, want the key alone", name, on, len(got))
			}
			if err := d.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestResetBetweenAKCreationAndQuoteCostsNothing(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	for name, on := range map[string]tpm2.TPMCC{"before the quote": tpm2.TPMCCQuote, "before the registers are read": tpm2.TPMCCPCRRead} {
		f := tpmfault.New(c)
		d, err := tpm.NewDevice(within(t, 5*time.Second), f, tpm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f.Fail(on, 0, 1, tpmfault.Before(func() error { return s.Reset(c) }))
		wantQuote(t, d, name)
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func TestResetThatNobodyStartedSaysSo(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	d := open(t, c)
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	_, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if !errors.Is(err, tpm2.TPMRCInitialize) || !strings.Contains(err.Error(), "reboot") {
		t.Errorf("a TPM without startup: %v", err)
	}
	if err := s.Startup(c); err != nil {
		t.Fatal(err)
	}
	wantQuote(t, d, "after startup")
}

func TestDeviceThatVanishesAndReturnsIsUsedAgain(t *testing.T) {
	s := ownTPM(t)
	f := tpmfault.New(dial(t, s))
	d := open(t, f)
	f.Fail(tpmfault.Any, 1, -1, tpmfault.Gone("/dev/tpmrm0"))
	for range 2 {
		_, err := d.Quote(within(t, 5*time.Second), qualifying(1))
		if !errors.Is(err, syscall.ENODEV) || !strings.Contains(err.Error(), "dmesg") {
			t.Errorf("vanished: %v", err)
		}
	}
	if err := s.PowerCycle(); err != nil {
		t.Fatal(err)
	}
	f.Heal()
	wantQuote(t, d, "after its return")
}
