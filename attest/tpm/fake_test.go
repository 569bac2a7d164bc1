package tpm_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// cutting cancels its caller's context after some commands.
type cutting struct {
	transport.TPM
	after  int
	cancel func()
}

func (c *cutting) Send(b []byte) ([]byte, error) {
	r, err := c.TPM.Send(b)
	if c.after--; c.after == 0 {
		c.cancel()
	}
	return r, err
}

// hanging answers nothing until released, from when it is told to hang.
type hanging struct {
	transport.TPM
	hang    atomic.Bool
	release chan struct{}
}

func (h *hanging) Send(b []byte) ([]byte, error) {
	if h.hang.Load() {
		<-h.release
	}
	return h.TPM.Send(b)
}

// coded answers the first commands of one code with a response code of its own.
type coded struct {
	transport.TPM
	mu   sync.Mutex
	cc   tpm2.TPMCC
	rc   tpm2.TPMRC
	left int
	sent int
}

func (c *coded) Send(b []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if tpm2.TPMCC(binary.BigEndian.Uint32(b[6:10])) == c.cc {
		c.sent++
		if c.left > 0 {
			c.left--
			return binary.BigEndian.AppendUint32([]byte{0x80, 1, 0, 0, 0, 10}, uint32(c.rc)), nil
		}
	}
	return c.TPM.Send(b)
}

func TestHungTPMRespectsDeadlinesAndTellsOthers(t *testing.T) {
	h := &hanging{TPM: dial(t, sharedTPM(t)), release: make(chan struct{})}
	d, err := tpm.NewDevice(context.Background(), h, tpm.Options{Hung: 150 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	h.hang.Store(true)
	begin := time.Now()
	if _, err := d.Quote(within(t, 50*time.Millisecond), qualifying(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("caller of a hung TPM: %v", err)
	}
	var busy *tpm.BusyError
	if _, err := d.ReadClock(within(t, 20*time.Millisecond)); !errors.As(err, &busy) || busy.Hung || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second caller, before it counts as hung: %v", err)
	}
	if _, err := d.ReadClock(context.Background()); !errors.As(err, &busy) || !busy.Hung || busy.Step != "quote" {
		t.Errorf("caller without a deadline: %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	h.hang.Store(false)
	close(h.release)
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

func TestCommandIsSentAgainWhenTheTPMAsksForIt(t *testing.T) {
	for _, rc := range []tpm2.TPMRC{tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting} {
		c := &coded{TPM: dial(t, sharedTPM(t)), cc: tpm2.TPMCCQuote, rc: rc, left: 3}
		d, err := tpm.NewDevice(context.Background(), c, tpm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Quote(within(t, 5*time.Second), qualifying(1)); err != nil || c.sent != 4 {
			t.Errorf("%v: %v after %d sends", rc, err, c.sent)
		}
		c.left, c.sent = 1000, 0
		if _, err := d.Quote(within(t, 10*time.Second), qualifying(1)); !errors.Is(err, rc) || c.sent > 20 {
			t.Errorf("%v without end: %v after %d sends", rc, err, c.sent)
		}
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
		_ = c.TPM.(io.Closer).Close()
	}
}

func TestLostKeyIsMadeAgainOnceOnly(t *testing.T) {
	c := &coded{TPM: dial(t, sharedTPM(t)), cc: tpm2.TPMCCQuote, rc: tpm2.TPMRCReferenceH0, left: 1}
	d := open(t, c)
	if _, err := d.Quote(within(t, 5*time.Second), qualifying(1)); err != nil || c.sent != 2 {
		t.Errorf("%v after %d sends", err, c.sent)
	}
	c.left, c.sent = 10, 0
	_, err := d.Quote(within(t, 5*time.Second), qualifying(1))
	if !errors.Is(err, tpm2.TPMRCReferenceH0) || c.sent != 2 {
		t.Errorf("%v after %d sends", err, c.sent)
	}
	if !strings.HasPrefix(err.Error(), "tpm quote: ") {
		t.Errorf("step not named: %v", err)
	}
	if got := handles(t, c, 0x80000000); len(got) != 1 {
		t.Errorf("the fake only said that the key was lost, but %d are loaded", len(got))
	}
}

// lying gives fixed bytes for every command.
type lying []byte

func (l lying) Send([]byte) ([]byte, error) { return l, nil }

func TestBrokenAnswersAreErrors(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":            nil,
		"short":            {0x80, 1, 0, 0},
		"wrong length":     {0x80, 1, 0, 0, 0, 99, 0, 0, 0, 0},
		"success, no body": {0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0},
		"unknown code":     {0x80, 1, 0, 0, 0, 10, 0xff, 0xff, 0xff, 0xff},
		"huge list":        {0x80, 1, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, err := tpm.NewDevice(within(t, 5*time.Second), lying(b), tpm.Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
