package tdx_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/runlog"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

const rtmr3InQuote = 48 + 472

func (n node) log(t testing.TB, path string) (*runlog.Log, error) {
	t.Helper()
	r, err := n.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return runlog.Open(t.Context(), runlog.Options{Path: path, BootID: [16]byte{1}, PCR: tdx.RuntimeIndex, Register: r, Clock: func() time.Time { return at }})
}

func start() runlog.Facts {
	return runlog.Start{Version: "test", ConfigDigest: [32]byte{1}, EvidenceKey: [32]byte{2}}.Facts()
}

// quoted is the RTMR3 that the hardware signs.
func (n node) quoted(t testing.TB) []byte {
	t.Helper()
	q, err := n.Quote(t.Context(), [64]byte{})
	if err != nil {
		t.Fatal(err)
	}
	return q[rtmr3InQuote : rtmr3InQuote+tdx.RTMRBytes]
}

// replayed fails unless the log on disk replays to the quoted register; it returns how many events it has.
func (n node) replayed(t testing.TB, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := runlog.NewReplay(runlog.SHA384, tdx.RuntimeIndex).Continue(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(l.At(len(l.Records)).Register, n.quoted(t)) {
		t.Errorf("%d events do not replay to the quote's RTMR3", len(l.Records))
	}
	return len(l.Records)
}

func TestRuntimeEventsStandInTheQuote(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	path := filepath.Join(t.TempDir(), "runtime.cel")
	for run := range 2 { // the second is an agent that was started again
		l, err := n.log(t, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), runlog.TypeStart, start()); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), runlog.TypeEngine, runlog.Facts{"engine": "vllm"}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := n.replayed(t, path), 2*(run+1); got != want {
			t.Errorf("%d events, want %d", got, want)
		}
	}
}

func TestEventIsOnDiskBeforeItIsExtended(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	path := filepath.Join(t.TempDir(), "runtime.cel")
	l, err := n.log(t, path)
	if err != nil {
		t.Fatal(err)
	}
	n.host.FailWrites(syscall.EBUSY)
	if _, err := l.Append(t.Context(), runlog.TypeStart, start()); !errors.Is(err, runlog.ErrPending) {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(n.quoted(t), make([]byte, tdx.RTMRBytes)) {
		t.Error("extended all the same")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = n.log(t, path); err != nil { // the next start extends it
		t.Fatal(err)
	}
	defer l.Close()
	if n.replayed(t, path) != 1 {
		t.Error("not one event")
	}
}

func TestForeignExtensionShows(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	path := filepath.Join(t.TempDir(), "runtime.cel")
	l, err := n.log(t, path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := n.host.Write("/sys/devices/virtual/misc/tdx_guest/measurements/rtmr3:sha384", make([]byte, 48)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), runlog.TypeStart, start()); !errors.Is(err, runlog.ErrForeign) {
		t.Errorf("%v", err)
	}
	if _, err := n.log(t, filepath.Join(t.TempDir(), "new.cel")); !errors.Is(err, runlog.ErrForeign) {
		t.Errorf("a log begins over a register that others have used: %v", err)
	}
}

func TestRegisterThatCannotBeExtended(t *testing.T) {
	for name, c := range map[string]struct {
		o      sim.HostOptions
		reason attest.Reason
	}{
		"before Linux 6.16": {sim.HostOptions{NoMeasurements: true}, attest.NotSupported},
		"not root":          {sim.HostOptions{ReadOnlyRTMR: true}, attest.NotPermitted},
		"outside":           {sim.HostOptions{NotATD: true}, attest.NotSupported},
	} {
		_, err := newNode(t, sim.Defaults(), c.o).Register(t.Context())
		var a *attest.AbsentError
		if !errors.As(err, &a) || a.Absence.Reason != c.reason || a.Absence.What != tdx.RTMRExtend || !strings.HasPrefix(a.Absence.Detail, "RTMR extend: not available") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExtendTakesOneDigestOfSHA384(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	r, err := n.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]map[uint16][]byte{
		"none": nil, "of SHA-256": {runlog.SHA256: make([]byte, 32)}, "short": {runlog.SHA384: make([]byte, 47)}, "long": {runlog.SHA384: make([]byte, 49)},
		"two": {runlog.SHA384: make([]byte, 48), runlog.SHA256: make([]byte, 32)},
	} {
		if err := r.Extend(t.Context(), d); err == nil {
			t.Errorf("%s: extended", name)
		}
	}
	if !bytes.Equal(n.quoted(t), make([]byte, 48)) {
		t.Error("the register moved")
	}
}
