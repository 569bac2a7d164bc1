package swtpm

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"
)

// echo answers every command with itself.
type echo struct{}

func (echo) Send(b []byte) ([]byte, error) { return b, nil }
func (echo) Close() error                  { return nil }

func TestOnlySignaturesAreSlowAndQuotesAreCounted(t *testing.T) {
	const took = 20 * time.Millisecond
	s := NewSlow(echo{}, took)
	for _, c := range []struct {
		code tpm2.TPMCC
		slow bool
	}{{tpm2.TPMCCPCRRead, false}, {tpm2.TPMCCQuote, true}, {tpm2.TPMCCCertifyCreation, true}, {tpm2.TPMCCGetCapability, false}} {
		command := binary.BigEndian.AppendUint32([]byte{0x80, 1, 0, 0, 0, 10}, uint32(c.code))
		begin := time.Now()
		if _, err := s.Send(command); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin) >= took; took != c.slow {
			t.Errorf("%v: slow %v", c.code, took)
		}
	}
	if n := len(s.Quotes()); n != 1 {
		t.Errorf("%d quotes counted", n)
	}
	if _, err := s.Send([]byte{1}); err != nil {
		t.Error("a short command is the TPM's to refuse:", err)
	}
}
