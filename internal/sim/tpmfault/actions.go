package tpmfault

import (
	"encoding/binary"
	"io"
	"os"
	"syscall"

	"github.com/google/go-tpm/tpm2"
)

// Answer refuses the command with a response code; the TPM never sees it. So TPM_RC_RETRY, YIELDED, TESTING, LOCKOUT,
// NV_RATE and NV_UNAVAILABLE look to a caller (Part 2, 6.6.3: the command was not begun).
func Answer(rc tpm2.TPMRC) Action {
	return func(func([]byte) ([]byte, error), []byte) ([]byte, error) {
		return binary.BigEndian.AppendUint32([]byte{0x80, 0x01, 0, 0, 0, 10}, uint32(rc)), nil
	}
}

// Cut has the TPM carry the command out and passes on the first n bytes of its answer.
func Cut(n int) Action {
	return func(send func([]byte) ([]byte, error), command []byte) ([]byte, error) {
		answer, err := send(command)
		return answer[:min(n, len(answer))], err
	}
}

// Lose has the TPM carry the command out and loses its answer, as a connection that breaks in between does.
func Lose() Action {
	return func(send func([]byte) ([]byte, error), command []byte) ([]byte, error) {
		if _, err := send(command); err != nil {
			return nil, err
		}
		return nil, io.ErrUnexpectedEOF
	}
}

// Hang answers nothing before the channel is closed; then the TPM carries the command out.
func Hang(until <-chan struct{}) Action {
	return func(send func([]byte) ([]byte, error), command []byte) ([]byte, error) {
		<-until
		return send(command)
	}
}

// Before does something to the TPM first, say a reset, and then passes the command on.
func Before(do func() error) Action {
	return func(send func([]byte) ([]byte, error), command []byte) ([]byte, error) {
		if err := do(); err != nil {
			return nil, err
		}
		return send(command)
	}
}

// Gone is the kernel's answer once a TPM's driver has left, by hot unplug, a crash of the firmware or module removal.
func Gone(path string) Action {
	return func(func([]byte) ([]byte, error), []byte) ([]byte, error) {
		return nil, &os.PathError{Op: "write", Path: path, Err: syscall.ENODEV}
	}
}
