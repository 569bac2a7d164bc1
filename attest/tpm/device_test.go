package tpm_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

func TestQuoteOfATPMPassesEveryCheck(t *testing.T) {
	d, _ := device(t)
	q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	ak, err := tpm.ParseAK(d.AK().Public())
	if err != nil {
		t.Fatal(err)
	}
	info, err := tpm.CheckQuote(ak, q, qualifying(1), tpm.Selection())
	if err != nil {
		t.Fatal(err)
	}
	if info.Bank != tpm.SHA256 || len(info.PCRs) != 16 || info.FirmwareVersion == 0 {
		t.Errorf("info %+v", info)
	}
	clock, err := d.ReadClock(within(t, 5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if clock.ResetCount != info.Clock.ResetCount || clock.ClockMillis < info.Clock.ClockMillis {
		t.Errorf("clock %+v read after a quote at %+v: counters of an endorsement key must be true", clock, info.Clock)
	}
}

func TestQuoteSeesAnExtendedPCR(t *testing.T) {
	d, c := device(t)
	extend := tpm2.PCRExtend{
		PCRHandle: tpm2.AuthHandle{Handle: 10, Name: tpm2.HandleName(10), Auth: tpm2.PasswordAuth(nil)},
		Digests:   tpm2.TPMLDigestValues{Digests: []tpm2.TPMTHA{{HashAlg: tpm2.TPMAlgSHA256, Digest: bytes.Repeat([]byte{7}, 32)}}},
	}
	before, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := extend.Execute(c); err != nil { // nothing else uses the TPM here
		t.Fatal(err)
	}
	after, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before.PCRs[10], after.PCRs[10]) {
		t.Error("PCR 10 did not change")
	}
	after.PCRs[10] = before.PCRs[10]
	if _, err := tpm.CheckQuote(d.AK(), after, qualifying(1), tpm.Selection()); !errors.Is(err, tpm.ErrPCRDigest) {
		t.Errorf("old value of PCR 10: %v", err)
	}
}

// commands counts what is sent, by command code.
type commands struct {
	transport.TPM
	sent map[tpm2.TPMCC]int
}

func (c *commands) Send(b []byte) ([]byte, error) {
	c.sent[tpm2.TPMCC(binary.BigEndian.Uint32(b[6:]))]++
	return c.TPM.Send(b)
}

func TestRegistersAtRestAreNotReadAgain(t *testing.T) {
	s := ownTPM(t)
	c := &commands{dial(t, s), map[tpm2.TPMCC]int{}}
	d, err := tpm.NewDevice(within(t, 10*time.Second), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	quote := func(want int) {
		t.Helper()
		clear(c.sent)
		q, err := d.Quote(within(t, 5*time.Second), qualifying(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpm.CheckQuote(d.AK(), q, qualifying(1), tpm.Selection()); err != nil {
			t.Error(err)
		}
		clear(q.PCRs) // the caller's, to do with as he likes
		if c.sent[tpm2.TPMCCQuote] != 1 || c.sent[tpm2.TPMCCPCRRead] != want {
			t.Errorf("%d quotes and %d register reads, want 1 and %d", c.sent[tpm2.TPMCCQuote], c.sent[tpm2.TPMCCPCRRead], want)
		}
	}
	quote(2)
	quote(0)
	if err := d.ExtendPCR(within(t, 5*time.Second), 13, map[uint16][]byte{tpm.SHA256: bytes.Repeat([]byte{7}, 32), tpm.SHA384: bytes.Repeat([]byte{7}, 48)}); err != nil {
		t.Fatal(err)
	}
	quote(2)
	quote(0)
}

func TestAKIsTheSameAfterReopening(t *testing.T) {
	s := sharedTPM(t)
	var names [][]byte
	for range 2 {
		c := dial(t, s)
		d, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, d.AK().Name())
		if err := d.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if !bytes.Equal(names[0], names[1]) {
		t.Errorf("names %x and %x", names[0], names[1])
	}
}

func TestManyOperationsLeaveNothingLoaded(t *testing.T) {
	c := dial(t, sharedTPM(t))
	d, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := within(t, 60*time.Second)
	rounds := 1000
	if testing.Short() {
		rounds = 50
	}
	for i := range rounds {
		switch i % 4 {
		case 0:
			_, err = d.Quote(ctx, qualifying(byte(i)))
		case 1:
			_, err = d.ReadClock(ctx)
		case 2: // refused by the TPM after EK and policy session were made
			_, err = d.Activate(ctx, "L-2", bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 68))
			if err == nil {
				t.Fatal("nonsense was activated")
			}
			err = nil
		case 3:
			_, err = d.Claims(ctx, "unix:test", time.Now)
		}
		if err != nil {
			t.Fatal(i, err)
		}
	}
	if err := d.Close(ctx); err != nil {
		t.Fatal(err)
	}
	wantClean(t, c)
	if _, err := d.Quote(ctx, qualifying(0)); !errors.Is(err, tpm.ErrClosed) {
		t.Errorf("quote after close: %v", err)
	}
	if err := d.Close(ctx); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestCloseAtEveryStepOfActivationLeavesNothingLoaded(t *testing.T) {
	c := dial(t, sharedTPM(t))
	for after := 1; after <= 7; after++ {
		cut := &cutting{TPM: c}
		d, err := tpm.NewDevice(context.Background(), cut, tpm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ActivationParameters(context.Background()); err != nil { // reads NV, so that what follows is activation alone
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cut.after, cut.cancel = after, cancel
		_, err = d.Activate(ctx, "L-2", bytes.Repeat([]byte{1}, 64), bytes.Repeat([]byte{2}, 68))
		if err == nil {
			t.Fatal("nonsense was activated")
		}
		cancel()
		if err := d.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, first := range []uint32{0x80000000, 0x02000000, 0x03000000} {
			if got := handles(t, c, first); len(got) > 0 {
				t.Fatalf("caller left after %d commands: left loaded %#x", after, got)
			}
		}
	}
}

func TestOpenFlushesTheKeyOfAKilledAgentAndNoOther(t *testing.T) {
	s := ownTPM(t)
	killed := dial(t, s)
	if _, err := tpm.NewDevice(context.Background(), killed, tpm.Options{}); err != nil {
		t.Fatal(err)
	}
	foreign, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(killed)
	if err != nil {
		t.Fatal(err)
	}
	killed.Close() // no flush: the process is gone

	c := dial(t, s)
	if n := len(handles(t, c, 0x80000000)); n != 2 {
		t.Fatalf("%d objects loaded before, want the leftover and the foreign one", n)
	}
	d, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := handles(t, c, 0x80000000); len(got) != 1 || got[0] != foreign.ObjectHandle {
		t.Errorf("loaded after: %#x, want the foreign %#x alone", got, uint32(foreign.ObjectHandle))
	}
}

func TestConcurrentQuotesAreNotMixedUp(t *testing.T) {
	d, _ := device(t)
	ctx := within(t, 20*time.Second)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 10 {
				want := qualifying(byte(g*16 + i))
				q, err := d.Quote(ctx, want)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tpm.CheckQuote(d.AK(), q, want, tpm.Selection()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestQuoteSurvivesResetAndPowerCycle(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	d := open(t, c)
	ctx := within(t, 10*time.Second)
	quote := func(when string) *tpm.QuoteInfo {
		t.Helper()
		q, err := d.Quote(ctx, qualifying(3))
		if err != nil {
			t.Fatal(when, err)
		}
		info, err := tpm.CheckQuote(d.AK(), q, qualifying(3), tpm.Selection())
		if err != nil {
			t.Fatal(when, err)
		}
		return info
	}
	first := quote("before")
	if err := s.Reset(c); err != nil {
		t.Fatal(err)
	}
	if n := quote("after reset").Clock.ResetCount; n != first.Clock.ResetCount+1 {
		t.Errorf("reset count %d after reset, was %d", n, first.Clock.ResetCount)
	}
	if err := s.PowerCycle(); err != nil {
		t.Fatal(err)
	}
	if n := quote("after power cycle").Clock.ResetCount; n != first.Clock.ResetCount+2 {
		t.Errorf("reset count %d after power cycle, was %d", n, first.Clock.ResetCount)
	}
	if _, err := d.ActivationParameters(ctx); err != nil {
		t.Errorf("parameters after power cycle: %v", err)
	}
}

func TestQuoteIsNotByAForeignKeyThatTookOurHandle(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	d := open(t, c)
	if err := s.Reset(c); err != nil {
		t.Fatal(err)
	}
	// Another program is first after the reset and gets the handle that was ours, with a key that signs too.
	template := tpm2.New2B(tpm2.TPMTPublic{
		Type: tpm2.TPMAlgECC, NameAlg: tpm2.TPMAlgSHA256,
		ObjectAttributes: tpm2.TPMAObject{FixedTPM: true, FixedParent: true, SensitiveDataOrigin: true, UserWithAuth: true, SignEncrypt: true},
		Parameters: tpm2.NewTPMUPublicParms(tpm2.TPMAlgECC, &tpm2.TPMSECCParms{CurveID: tpm2.TPMECCNistP256,
			Scheme: tpm2.TPMTECCScheme{Scheme: tpm2.TPMAlgECDSA, Details: tpm2.NewTPMUAsymScheme(tpm2.TPMAlgECDSA, &tpm2.TPMSSigSchemeECDSA{HashAlg: tpm2.TPMAlgSHA256})}}),
	})
	foreign, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: template}.Execute(c)
	if err != nil {
		t.Fatal(err)
	}
	q, err := d.Quote(within(t, 5*time.Second), qualifying(4))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.CheckQuote(d.AK(), q, qualifying(4), tpm.Selection()); err != nil {
		t.Error(err)
	}
	if _, err := (tpm2.ReadPublic{ObjectHandle: foreign.ObjectHandle}).Execute(c); err != nil {
		t.Errorf("the foreign key was unloaded: %v", err)
	}
}

func TestOpenSaysWhatFillsTheTPM(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	for range 3 {
		if _, err := (tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}).Execute(c); err != nil {
			t.Fatal(err)
		}
	}
	_, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
	if !errors.Is(err, tpm2.TPMRCObjectMemory) || !bytes.Contains([]byte(err.Error()), []byte("/dev/tpmrm0")) {
		t.Errorf("error %v", err)
	}
}

func TestEndorsementPasswordIsSaidAndNotGuessed(t *testing.T) {
	s := ownTPM(t)
	c := dial(t, s)
	_, err := tpm2.HierarchyChangeAuth{AuthHandle: tpm2.TPMRHEndorsement, NewAuth: tpm2.TPM2BAuth{Buffer: []byte("secret")}}.Execute(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpm.NewDevice(context.Background(), c, tpm.Options{}); !errors.Is(err, tpm.ErrNeedsAuth) {
		t.Errorf("error %v", err)
	}
}
