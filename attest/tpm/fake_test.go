package tpm_test

import (
	"testing"
	"time"

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
