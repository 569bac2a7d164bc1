package hw

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOpenTPMSaysTheFix(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tpmrm0")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for spec, want := range map[string]string{
		filepath.Join(dir, "none"):           "BIOS",
		file:                                 "unix:",
		"tpmrm0":                             "absolute",
		"unix:" + filepath.Join(dir, "none"): "start the software TPM",
	} {
		_, err := OpenTPM(spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want words on %q", spec, err, want)
		}
	}
	if _, err := OpenTPM(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing device: %v", err)
	}
	if err := explainTPM("/dev/tpmrm0", fs.ErrPermission); !strings.Contains(err.Error(), "tss") {
		t.Errorf("permission: %v", err)
	}
}

func TestIsRawTPM(t *testing.T) {
	for spec, want := range map[string]bool{"/dev/tpm0": true, "/dev/tpm12": true, "/dev/tpmrm0": false, "/dev/tpm": false, "unix:/dev/tpm0": false} {
		if got := IsRawTPM(spec); got != want {
			t.Errorf("%s: %v", spec, got)
		}
	}
}

// serve runs a peer that handles each connection in turn.
func serve(t *testing.T, handle func(connection int32, c net.Conn)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var n atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { handle(n.Add(1), c); c.Close() }()
		}
	}()
	return path
}

func frame(body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0x80, 1}, uint32(10+len(body))), append([]byte{0, 0, 0, 0}, body...)...)
}

func TestSocketTPMKeepsOneConnectionAndJoinsParts(t *testing.T) {
	path := serve(t, func(n int32, c net.Conn) {
		for {
			if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
				return
			}
			for _, b := range frame(byte(n)) { // byte by byte
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		}
	})
	s, err := DialTPM(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 {
		got, err := s.Send(frame())
		if err != nil || !bytes.Equal(got, frame(1)) {
			t.Errorf("%x, %v", got, err)
		}
	}
}

func TestSocketTPMRefusesBadFramesAndConnectsAnew(t *testing.T) {
	answers := [][]byte{
		{0x80, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, // huge
		{0x80, 1, 0, 0, 0, 9, 0, 0, 0, 0},             // shorter than its header
		frame()[:6],                                   // ends early
	}
	path := serve(t, func(n int32, c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 10)); err != nil {
			return
		}
		answer := frame(42)
		if int(n) <= len(answers) {
			answer = answers[n-1]
		}
		_, _ = c.Write(answer)
	})
	s, err := DialTPM(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range answers {
		if got, err := s.Send(frame()); err == nil {
			t.Errorf("answer %d accepted as %x", i, got)
		}
	}
	if got, err := s.Send(frame()); err != nil || !bytes.Equal(got, frame(42)) {
		t.Errorf("after reconnecting: %x, %v", got, err)
	}
}

func TestSocketTPMDoesNotRepeatACommandThatWasTaken(t *testing.T) {
	var taken atomic.Int32
	path := serve(t, func(_ int32, c net.Conn) {
		if _, err := io.ReadFull(c, make([]byte, 10)); err == nil {
			taken.Add(1)
		}
	})
	s, err := DialTPM(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Send(frame()); err == nil || taken.Load() != 1 {
		t.Errorf("%v after %d commands", err, taken.Load())
	}
}

func TestSocketTPMTimesOutOnASilentPeer(t *testing.T) {
	path := serve(t, func(_ int32, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	s, err := dialTPM(path, 30*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Send(frame()); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silent peer: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Send(frame()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func FuzzTPMFrame(f *testing.F) {
	f.Add(frame(1, 2, 3))
	f.Add(frame()[:7])
	f.Add([]byte{0x80, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readTPMFrame(bytes.NewReader(b))
		if err == nil && (len(got) > MaxTPMResponse || !bytes.HasPrefix(b, got)) {
			t.Errorf("%x read from %x", got, b)
		}
	})
}
