package agent

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

// memoryLog reads a log out of memory, as FileLog reads a file.
func memoryLog(content []byte) LogReader {
	return func(_ context.Context, offset uint64, most int) ([]byte, bool, error) {
		rest := content[min(offset, uint64(len(content))):]
		return rest[:min(len(rest), most)], len(rest) > most, nil
	}
}

func TestFileLogReadsFromAnyByteAndSaysWhetherThereIsMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset uint64
		most   int
		want   string
		more   bool
	}{{0, 4, "0123", true}, {4, 6, "456789", false}, {4, 5, "45678", true}, {10, 4, "", false}, {99, 4, "", false}} {
		b, more, err := FileLog(path)(t.Context(), c.offset, c.most)
		if err != nil || string(b) != c.want || more != c.more {
			t.Errorf("%d at %d: %q, more %v, %v", c.most, c.offset, b, more, err)
		}
	}
	var why *attest.AbsentError
	if _, _, err := FileLog(path+"no")(t.Context(), 0, 1); !errors.As(err, &why) || why.Absence.Reason != attest.NotPresent {
		t.Error(err)
	}
	if _, _, err := FileLog(filepath.Dir(path))(t.Context(), 0, 1); !errors.As(err, &why) || why.Absence.Reason != attest.Failed {
		t.Error(err)
	}
}

// logs asks for logs in the name of key and returns what came.
func (n *node) logs(t *testing.T, key *ecdsa.PrivateKey, l *attest.Logs) map[string]attest.Part {
	t.Helper()
	status, body := n.post("/v1/challenge", attest.TypeChallenge, seal(t, key, attest.TypeChallenge, n.challenge(func(c *attest.Challenge) { c.Logs = l })))
	if status.StatusCode != 200 {
		t.Fatalf("%s: %s", status.Status, body)
	}
	r, err := attest.ParseResponse(body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Logs
}

func at(n uint64) *uint64 { return &n }

func TestLogsComeFromTheAskedByteAndNoOthersCome(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), (attest.MaxLogSize+4096)/16)
	n := startNode(t, nodeOptions{logs: map[string]LogReader{attest.LogBoot: memoryLog([]byte("boot log")), attest.LogIMA: memoryLog(large)}})
	if got := n.logs(t, n.validator, nil); len(got) != 0 {
		t.Errorf("no log was asked for: %v", got)
	}
	got := n.logs(t, n.validator, &attest.Logs{Boot: at(5), CEL: at(0), CCEL: at(0)})
	if len(got) != 3 || string(got["boot"].Bytes) != "log" || got["boot"].Offset != 5 || got["boot"].More || got["boot"].Absent != nil {
		t.Errorf("boot: %+v", got)
	}
	if a := got["cel"].Absent; a == nil || a.Reason != attest.NotConfigured || a.What != "cel" {
		t.Errorf("cel: %+v", got["cel"])
	}
	part := n.logs(t, n.validator, &attest.Logs{IMA: at(0)})["ima"]
	if !part.More || !bytes.Equal(part.Bytes, large[:attest.MaxLogSize]) {
		t.Errorf("first part: %d bytes, more %v", len(part.Bytes), part.More)
	}
	part = n.logs(t, n.validator, &attest.Logs{IMA: at(attest.MaxLogSize)})["ima"]
	if part.More || !bytes.Equal(part.Bytes, large[attest.MaxLogSize:]) {
		t.Errorf("second part: %d bytes, more %v", len(part.Bytes), part.More)
	}
}

func TestLogsAreForListedValidatorsAlone(t *testing.T) {
	n := startNode(t, nodeOptions{open: true, logs: map[string]LogReader{attest.LogBoot: memoryLog([]byte("secret"))}})
	part := n.logs(t, writeKey(t, filepath.Join(t.TempDir(), "k.pub")), &attest.Logs{Boot: at(0)})["boot"]
	if part.Absent == nil || len(part.Bytes) != 0 || !strings.Contains(part.Absent.Detail, "listed") {
		t.Errorf("%+v", part)
	}
}

func TestUnreadableLogIsAbsentWithItsReason(t *testing.T) {
	n := startNode(t, nodeOptions{logs: map[string]LogReader{
		attest.LogBoot: FileLog("/nonexistent/log"),
		attest.LogIMA:  func(context.Context, uint64, int) ([]byte, bool, error) { return nil, false, errors.New("odd") },
		attest.LogCEL:  func(context.Context, uint64, int) ([]byte, bool, error) { return nil, true, nil },
	}})
	got := n.logs(t, n.validator, &attest.Logs{Boot: at(0), IMA: at(0), CEL: at(0)})
	if a := got["boot"].Absent; a == nil || a.Reason != attest.NotPresent || a.What != "boot" {
		t.Errorf("boot: %+v", got["boot"])
	}
	if a := got["ima"].Absent; a == nil || a.Reason != attest.Failed || a.Detail != "odd" {
		t.Errorf("ima: %+v", got["ima"])
	}
	if p := got["cel"]; p.More || len(p.Bytes) != 0 || p.Absent != nil {
		t.Errorf("a log that says more and gives nothing: %+v", p)
	}
}
