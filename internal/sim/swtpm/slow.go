package swtpm

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// signing are the commands by which a TPM signs (Part 3, chapters 18 and 20). On real chips the signature is what takes long.
var signing = []tpm2.TPMCC{tpm2.TPMCCQuote, tpm2.TPMCCCertify, tpm2.TPMCCCertifyCreation, tpm2.TPMCCGetTime, tpm2.TPMCCSign}

// Slow is a transport to a software TPM that takes as long over a signature as a chip does, and over nothing else. It
// remembers when each quote was answered, for whoever counts by quotes.
type Slow struct {
	transport.TPMCloser
	took time.Duration

	mu     sync.Mutex
	quotes []time.Time
}

// NewSlow makes every signature through t take that much longer.
func NewSlow(t transport.TPMCloser, took time.Duration) *Slow { return &Slow{TPMCloser: t, took: took} }

// Send implements transport.TPM.
func (s *Slow) Send(command []byte) ([]byte, error) {
	code := commandCode(command)
	if !slices.Contains(signing, code) {
		return s.TPMCloser.Send(command)
	}
	time.Sleep(s.took)
	answer, err := s.TPMCloser.Send(command)
	if code == tpm2.TPMCCQuote && err == nil {
		s.mu.Lock()
		s.quotes = append(s.quotes, time.Now())
		s.mu.Unlock()
	}
	return answer, err
}

// Quotes returns the moments at which quotes were answered, oldest first.
func (s *Slow) Quotes() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.quotes)
}

// commandCode reads a command's code: tag (2 bytes), size (4), code (4), of Part 1, "Command/Response Structure".
func commandCode(command []byte) tpm2.TPMCC {
	if len(command) < 10 {
		return 0
	}
	return tpm2.TPMCC(binary.BigEndian.Uint32(command[6:]))
}
