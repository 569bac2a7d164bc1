package tpmfault_test

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/hallmark-attest/hallmark/internal/sim/tpmfault"
)

// counting counts what reaches the TPM.
type counting struct{ n int }

func (c *counting) Send([]byte) ([]byte, error) {
	c.n++
	return []byte{0x80, 1, 0, 0, 0, 12, 0, 0, 0, 0, 1, 2}, nil
}

var getRandom = []byte{0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8}

func TestEachActionSaysWhetherTheTPMSawTheCommand(t *testing.T) {
	opened := make(chan struct{})
	close(opened)
	for name, c := range map[string]struct {
		do      tpmfault.Action
		reached int
		size    int
		err     error
	}{
		"answer": {tpmfault.Answer(tpm2.TPMRCTesting), 0, 10, nil},
		"cut":    {tpmfault.Cut(7), 1, 7, nil},
		"lose":   {tpmfault.Lose(), 1, 0, io.ErrUnexpectedEOF},
		"hang":   {tpmfault.Hang(opened), 1, 12, nil},
		"before": {tpmfault.Before(func() error { return nil }), 1, 12, nil},
		"failed": {tpmfault.Before(func() error { return io.ErrClosedPipe }), 0, 0, io.ErrClosedPipe},
		"gone":   {tpmfault.Gone("/dev/tpmrm0"), 0, 0, syscall.ENODEV},
	} {
		tpm := new(counting)
		f := tpmfault.New(tpm)
		f.Fail(tpm2.TPMCCGetRandom, 0, 1, c.do)
		b, err := f.Send(getRandom)
		if !errors.Is(err, c.err) || len(b) != c.size || tpm.n != c.reached {
			t.Errorf("%s: %x, %v, %d reached the TPM", name, b, err, tpm.n)
		}
		if b, err := f.Send(getRandom); err != nil || len(b) != 12 {
			t.Errorf("%s: afterwards %x, %v", name, b, err)
		}
	}
}

func TestScriptLastsUntilHealAndLeavesOtherCommandsAlone(t *testing.T) {
	tpm := new(counting)
	f := tpmfault.New(tpm)
	f.Fail(tpm2.TPMCCQuote, 0, -1, tpmfault.Gone("x"))
	if _, err := f.Send(getRandom); err != nil {
		t.Error(err)
	}
	f.Fail(tpmfault.Any, 0, -1, tpmfault.Gone("x"))
	for range 3 {
		if _, err := f.Send(getRandom); !errors.Is(err, syscall.ENODEV) {
			t.Error(err)
		}
	}
	f.Heal()
	if b, err := f.Send(getRandom); err != nil || !bytes.HasPrefix(b, []byte{0x80, 1}) {
		t.Error(b, err)
	}
	if n := f.Sent(tpm2.TPMCCGetRandom); n != 5 || tpm.n != 2 {
		t.Errorf("%d sent, %d reached the TPM", n, tpm.n)
	}
}
