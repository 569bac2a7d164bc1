package tpm

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

const (
	headerSize  = 10 // tag, size, code: Part 1, "Command/Response Structure"
	maxAttempts = 10 // of one command while the TPM says "later"; 1+2+...+256 ms of waiting together
)

// line is the transport of one operation. Between commands it looks whether the operation is still wanted, it
// sends a command again when the TPM asks for that, and it refuses frames that lie about their length.
type line struct {
	ctx context.Context
	t   transport.TPM
}

// cleanup is the same line for flushing handles: it works after the caller has left.
func (l line) cleanup() line { return line{context.WithoutCancel(l.ctx), l.t} }

// Send implements transport.TPM.
func (l line) Send(command []byte) ([]byte, error) {
	wait := time.Millisecond
	for attempt := 1; ; attempt++ {
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		answer, err := l.t.Send(command)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errTransport, err)
		}
		if err := checkFrame(answer); err != nil {
			return nil, err
		}
		if !later(answer) || attempt == maxAttempts {
			return answer, nil
		}
		if err := pause(l.ctx, wait); err != nil {
			return nil, err
		}
		wait *= 2
	}
}

func checkFrame(answer []byte) error {
	if len(answer) < headerSize {
		return fmt.Errorf("%w: %d bytes, the header alone is %d", ErrBroken, len(answer), headerSize)
	}
	if n := binary.BigEndian.Uint32(answer[2:6]); uint64(n) != uint64(len(answer)) {
		return fmt.Errorf("%w: %d bytes, says it has %d", ErrBroken, len(answer), n)
	}
	return nil
}

// later reports the warnings that mean "the command was not begun, send it again" (Part 2, 6.6.3). Any command may meet
// the two about NV: the TPM saves its clock there.
func later(answer []byte) bool {
	switch tpm2.TPMRC(binary.BigEndian.Uint32(answer[6:10])) {
	case tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting, tpm2.TPMRCNVRate, tpm2.TPMRCNVUnavailable:
		return true
	}
	return false
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
