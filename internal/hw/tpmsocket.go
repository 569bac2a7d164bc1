package hw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	tpmHeaderSize = 10
	// MaxTPMResponse is the largest answer taken from a socket: TPM_PT_MAX_RESPONSE_SIZE
	// of every known implementation is 4096.
	MaxTPMResponse = 4096
	// TPMTimeout bounds one command over a socket. A software TPM answers in milliseconds and makes an RSA key in
	// seconds; a silent one must not hold the connection for ever.
	TPMTimeout = 60 * time.Second
)

// SocketTPM speaks raw TPM commands over a Unix socket, as swtpm's data channel does. It keeps one connection, for
// swtpm serves one client at a time, and makes a new one after an error.
type SocketTPM struct {
	path    string
	timeout time.Duration

	mu     sync.Mutex
	conn   net.Conn
	closed bool
}

// DialTPM connects to a software TPM's data socket.
func DialTPM(path string) (*SocketTPM, error) { return dialTPM(path, TPMTimeout) }

func dialTPM(path string, timeout time.Duration) (*SocketTPM, error) {
	s := &SocketTPM{path: path, timeout: timeout}
	if err := s.connect(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *SocketTPM) connect() error {
	c, err := net.DialTimeout("unix", s.path, s.timeout)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("tpm socket: %w: start the software TPM that should serve it", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("tpm socket: %w: let this user's group write to the socket", err)
	case err != nil:
		return fmt.Errorf("tpm socket: %w", err)
	}
	s.conn = c
	return nil
}

// Send implements transport.TPM. A command is sent again only if the old connection would not take it: one that may
// have been carried out is never repeated.
func (s *SocketTPM) Send(command []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("tpm socket %s: %w", s.path, net.ErrClosed)
	}
	if s.conn != nil {
		answer, written, err := s.exchange(command)
		if err == nil || written {
			return answer, err
		}
	}
	if err := s.connect(); err != nil {
		return nil, err
	}
	answer, _, err := s.exchange(command)
	return answer, err
}

// exchange drops the connection on any error: the rest of a late answer would be taken for the next one.
func (s *SocketTPM) exchange(command []byte) (answer []byte, written bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("tpm socket %s: %w", s.path, err)
			s.conn.Close()
			s.conn = nil
		}
	}()
	if err := s.conn.SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return nil, false, err
	}
	if n, err := s.conn.Write(command); err != nil {
		return nil, n > 0, err
	}
	answer, err = readTPMFrame(s.conn)
	return answer, true, err
}

// readTPMFrame reads one answer: tag, size, code, rest (TPM 2.0 Library Part 1, "Command/Response Structure").
func readTPMFrame(r io.Reader) ([]byte, error) {
	head := make([]byte, tpmHeaderSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	size := binary.BigEndian.Uint32(head[2:6])
	if size < tpmHeaderSize || size > MaxTPMResponse {
		return nil, fmt.Errorf("answer says it has %d bytes, want %d to %d", size, tpmHeaderSize, MaxTPMResponse)
	}
	frame := make([]byte, size)
	copy(frame, head)
	if _, err := io.ReadFull(r, frame[tpmHeaderSize:]); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return frame, nil
}

// Close closes the connection; the software TPM goes on.
func (s *SocketTPM) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.conn == nil {
		return nil
	}
	c := s.conn
	s.conn = nil
	return c.Close()
}
