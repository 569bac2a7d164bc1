package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// slowNode serves logs of three full parts, more than sockets hold, to three listed validators.
func slowNode(t *testing.T, within time.Duration) (*node, *Frontend, []*ecdsa.PrivateKey) {
	t.Helper()
	large := memoryLog(bytes.Repeat([]byte("0123456789abcdef"), attest.MaxLogSize/16))
	dir := t.TempDir()
	var keys []*ecdsa.PrivateKey
	for i := range 3 {
		keys = append(keys, writeKey(t, filepath.Join(dir, fmt.Sprint(i, ".pub"))))
	}
	n := startNode(t, nodeOptions{dir: dir, noRuntime: true, logs: map[string]LogReader{attest.LogBoot: large, attest.LogIMA: large, attest.LogCEL: large}})
	f := n.frontend(t, quiet(t))
	f.logsWithin = within
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	n.url = "https://" + l.Addr().String()
	return n, f, keys
}

// askSlowly asks for all logs and reads nothing.
func (n *node) askSlowly(t *testing.T, key *ecdsa.PrivateKey) {
	t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(n.url, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	if err := raw.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	body := seal(t, key, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Logs = &attest.Logs{Boot: at(0), IMA: at(0), CEL: at(0)} }))
	if _, err := fmt.Fprintf(c, "POST /v1/challenge HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", attest.TypeChallenge, len(body), body); err != nil {
		t.Fatal(err)
	}
}

// waitForPlaces waits until so many answers with logs are held, and that they stay so.
func waitForPlaces(t *testing.T, f *Frontend, want int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); len(f.logPlaces.all) != want && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		if n := len(f.logPlaces.all); n != want {
			t.Fatalf("%d places are held, want %d", n, want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestSlowReadersKeepTheirPlacesNoLongerThanTheirTime(t *testing.T) {
	n, f, keys := slowNode(t, 1500*time.Millisecond)
	n.askSlowly(t, keys[0])
	n.askSlowly(t, keys[1])
	waitForPlaces(t, f, maxLogReaders) // read, and still held
	if got := n.logs(t, keys[2], &attest.Logs{IMA: at(0)})[attest.LogIMA]; len(got.Bytes) != attest.MaxLogSize {
		t.Errorf("%d bytes for who reads", len(got.Bytes))
	}
	waitForPlaces(t, f, 0)
	f.logPlaces.mu.Lock()
	defer f.logPlaces.mu.Unlock()
	if len(f.logPlaces.keys) != 0 {
		t.Errorf("%d validators are remembered", len(f.logPlaces.keys))
	}
}

func TestSlowReaderWaitsForItselfAndNotAllOthersForIt(t *testing.T) {
	n, f, keys := slowNode(t, time.Minute)
	for range 3 {
		n.askSlowly(t, keys[0])
	}
	waitForPlaces(t, f, 1)
	if got := n.logs(t, keys[1], &attest.Logs{IMA: at(0)})[attest.LogIMA]; len(got.Bytes) != attest.MaxLogSize {
		t.Errorf("%d bytes for another validator", len(got.Bytes))
	}
}

func TestPlaceThatIsNotGivenInTimeIsNotLost(t *testing.T) {
	p := newLogPlaces(1)
	give, err := p.take(t.Context(), attest.Digest{1})
	if err != nil {
		t.Fatal(err)
	}
	for key := range byte(3) { // 1 waits for its own turn, the others for a place
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if _, err := p.take(ctx, attest.Digest{key}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("key %d: %v", key, err)
		}
		cancel()
	}
	give()
	if give, err = p.take(t.Context(), attest.Digest{1}); err != nil {
		t.Fatal(err)
	}
	if give(); len(p.all) != 0 || len(p.keys) != 0 {
		t.Errorf("%d places, %d keys", len(p.all), len(p.keys))
	}
}
