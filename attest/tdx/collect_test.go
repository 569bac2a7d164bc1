package tdx_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// node is a TD with the device under test in it.
type node struct {
	*tdx.Device
	host *sim.Host
	root string
}

func newTD(t testing.TB, m sim.Measurements) *sim.TD {
	t.Helper()
	a, err := sim.NewAuthority(t.Name(), at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Platform(sim.PlatformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p.NewTD(m)
}

func newNode(t testing.TB, m sim.Measurements, o sim.HostOptions) node {
	t.Helper()
	n := node{root: t.TempDir()}
	var err error
	if n.host, err = sim.NewHost(n.root, newTD(t, m), o); err != nil {
		t.Fatal(err)
	}
	n.Device = n.open(t, tdx.Options{})
	return n
}

// open is another device over the same TD: an agent that was started again.
func (n node) open(t testing.TB, o tdx.Options) *tdx.Device {
	t.Helper()
	o.Client, o.Files, o.Backoff = n.host.TSM, n.host, time.Millisecond
	d, err := tdx.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (n node) clean(t testing.TB) {
	t.Helper()
	if e := n.host.TSM.Entries(); len(e) > 0 {
		t.Errorf("entries are left: %v", e)
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestQuoteIsOverWhatWasAskedAndEndsWhereItEnds(t *testing.T) {
	for _, version := range []uint16{4, 5} {
		for name, tail := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 3065), "a large buffer": make([]byte, 100<<10), "noise": []byte("noise")} {
			m := sim.Defaults()
			m.Version = version
			plain := newTD(t, m)
			m.Trailing = tail
			n := newNode(t, m, sim.HostOptions{})
			if err := n.Detect(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range byte(3) {
				q, err := n.Quote(t.Context(), [64]byte{i})
				if err != nil || !bytes.Equal(q, plain.Quote([64]byte{i})) {
					t.Errorf("version %d, behind it %s: %d bytes, %v", version, name, len(q), err)
				}
			}
			n.clean(t)
		}
	}
}

func TestQuoteIsTriedAgainWhereThatMayHelp(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*sim.TSM)
		entries int
	}{
		"busy three times":             {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.EBUSY, 3) }, 4},
		"timed out":                    {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.ETIMEDOUT, 1) }, 2},
		"written meanwhile":            {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.EAGAIN, 1) }, 2},
		"interrupted":                  {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.EINTR, 1) }, 2},
		"busy at the write":            {func(s *sim.TSM) { s.Fail(sim.OpInBlob, syscall.EBUSY, 1) }, 2},
		"busy at the entry":            {func(s *sim.TSM) { s.Fail(sim.OpMkdir, syscall.EBUSY, 2) }, 1},
		"somebody writes to the entry": {func(s *sim.TSM) { s.Meddle(2) }, 3},
		"somebody removes the entry":   {func(s *sim.TSM) { s.Fail(sim.OpGeneration, syscall.ENOENT, 1) }, 2},
	} {
		n := newNode(t, sim.Defaults(), sim.HostOptions{})
		c.prepare(n.host.TSM)
		if _, err := n.Quote(within(t, 10*time.Second), [64]byte{1}); err != nil || n.host.TSM.Made() != c.entries {
			t.Errorf("%s: %d entries, want %d: %v", name, n.host.TSM.Made(), c.entries, err)
		}
		n.clean(t)
	}
}

func TestQuoteGivesUpAtItsDeadline(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	n.host.TSM.Fail(sim.OpOutBlob, syscall.EBUSY, 1_000_000)
	begin := time.Now()
	_, err := n.Quote(within(t, 100*time.Millisecond), [64]byte{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
	eventually(t, func() bool { return len(n.host.TSM.Entries()) == 0 })
}

func TestQuoteIsTriedOnceWhereThatIsAll(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*sim.TSM)
		want    string
	}{
		"host refuses":       {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.EIO, 1) }, "qgsd"},
		"driver refuses":     {func(s *sim.TSM) { s.Fail(sim.OpInBlob, syscall.EINVAL, 1) }, "refuses 64 bytes"},
		"out of memory":      {func(s *sim.TSM) { s.Fail(sim.OpOutBlob, syscall.ENOMEM, 1) }, "cannot allocate memory"},
		"another technology": {func(s *sim.TSM) { s.SetProvider("sev_guest") }, `reports come from "sev_guest"`},
		"provider unread":    {func(s *sim.TSM) { s.Fail(sim.OpProvider, syscall.EIO, 1) }, "input/output error"},
		"generation unread":  {func(s *sim.TSM) { s.Fail(sim.OpGeneration, syscall.EIO, 1) }, "input/output error"},
	} {
		n := newNode(t, sim.Defaults(), sim.HostOptions{})
		c.prepare(n.host.TSM)
		if _, err := n.Quote(t.Context(), [64]byte{}); err == nil || !strings.Contains(err.Error(), c.want) || n.host.TSM.Made() != 1 {
			t.Errorf("%s: %d entries: %v", name, n.host.TSM.Made(), err)
		}
		n.clean(t)
	}
}

func TestQuoteRefusesWhatIsNoQuote(t *testing.T) {
	m := sim.Defaults()
	m.CertZero = false // the chain ends with text, so that what is put behind it may go on with text
	td := newTD(t, m)
	edit := func(f func([]byte) []byte) func([64]byte) []byte {
		return func(d [64]byte) []byte { return f(td.Quote(d)) }
	}
	for name, blob := range map[string]func([64]byte) []byte{
		"nothing":               func([64]byte) []byte { return nil },
		"text":                  func([64]byte) []byte { return []byte(strings.Repeat("report ", 200)) },
		"too large":             func([64]byte) []byte { return make([]byte, tdx.MaxBlob+1) },
		"other report data":     func([64]byte) []byte { return td.Quote([64]byte{0xee}) },
		"version 3":             edit(func(q []byte) []byte { q[0] = 3; return q }),
		"an SGX quote":          edit(func(q []byte) []byte { q[4] = 0; return q }),
		"chain that is no text": edit(func(q []byte) []byte { q[len(q)-100] = 0x80; return q }),
		// The chain goes on into memory that is not the driver's.
		"longer quote":      edit(func(q []byte) []byte { return longer(q, len(q), bytes.Repeat([]byte{0xfe}, 3000)) }),
		"much longer quote": edit(func(q []byte) []byte { return longer(q, len(q), bytes.Repeat([]byte{'A'}, tdx.MaxQuote)) }),
		"longer auth data": edit(func(q []byte) []byte {
			q = longer(q, authData, make([]byte, 300))
			binary.LittleEndian.PutUint16(q[authData-2:], 300+32)
			return q
		}),
		"endless padding":    edit(func(q []byte) []byte { return append(q, make([]byte, tdx.MaxBlob)...) }),
		"chain elsewhere":    edit(func(q []byte) []byte { q[636+134+448+2+32] = 3; return q }),
		"no QE report":       edit(func(q []byte) []byte { q[636+128] = 5; return q }),
		"long auth data":     edit(func(q []byte) []byte { q[636+134+448+1] = 2; return q }),
		"inner size":         edit(func(q []byte) []byte { q[636+130]++; return q }),
		"half of one":        edit(func(q []byte) []byte { return q[:len(q)/2] }),
		"one byte less":      edit(func(q []byte) []byte { return q[:len(q)-1] }),
		"only a body":        edit(func(q []byte) []byte { return q[:632] }),
		"negative size":      edit(func(q []byte) []byte { q[635] = 0xff; return q }),
		"version 5, no body": edit(func(q []byte) []byte { q[0] = 5; return q }),
	} {
		n := newNode(t, sim.Defaults(), sim.HostOptions{})
		n.host.TSM.Answer(blob)
		if _, err := n.Quote(t.Context(), [64]byte{1}); !errors.Is(err, tdx.ErrBlob) {
			t.Errorf("%s: %v", name, err)
		}
		n.clean(t)
	}
}

// authData is where a quote of version 4 has the authentication data of its quoting enclave.
const authData = 636 + 134 + 448 + 2

// longer puts bytes into the signed data and adds them to the sizes around.
func longer(q []byte, at int, more []byte) []byte {
	le, chain := binary.LittleEndian, authData+32+2
	sizes := []int{632, 636 + 130}
	if at > chain {
		sizes = append(sizes, chain)
	}
	for _, s := range sizes {
		le.PutUint32(q[s:], le.Uint32(q[s:])+uint32(len(more)))
	}
	return append(append(bytes.Clone(q[:at]), more...), q[at:]...)
}

func TestHungDriverHangsNobody(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	d := n.open(t, tdx.Options{Hung: 700 * time.Millisecond})
	release := n.host.TSM.Hang()
	defer release()
	if _, err := d.Quote(within(t, 30*time.Millisecond), [64]byte{1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("first: %v", err)
	}
	if _, err := d.Quote(within(t, 30*time.Millisecond), [64]byte{2}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second: %v", err)
	}
	eventually(t, func() bool {
		_, err := d.Quote(within(t, 20*time.Millisecond), [64]byte{3})
		return errors.Is(err, tdx.ErrHung)
	})
	if _, err := d.Quote(t.Context(), [64]byte{3}); !errors.Is(err, tdx.ErrHung) {
		t.Errorf("without a deadline: %v", err)
	}
	if err := d.Detect(t.Context()); !errors.Is(err, tdx.ErrHung) {
		t.Errorf("detect: %v", err)
	}
	if made := n.host.TSM.Made(); made != 1 {
		t.Errorf("%d entries were made", made)
	}
	release()
	eventually(t, func() bool {
		_, err := d.Quote(within(t, 10*time.Second), [64]byte{4})
		return err == nil
	})
	n.clean(t)
}

func TestEndedContextBeginsNothing(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Quote(ctx, [64]byte{}); !errors.Is(err, context.Canceled) || n.host.TSM.Made() != 0 {
		t.Errorf("%d entries: %v", n.host.TSM.Made(), err)
	}
}

func TestOneRequestAtATime(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	most := 0
	n.host.TSM.Answer(func(d [64]byte) []byte { // one at a time: under the simulator's lock
		most = max(most, len(n.host.TSM.Entries()))
		return n.host.TD.Quote(d)
	})
	var wg sync.WaitGroup
	for i := range byte(8) {
		wg.Go(func() {
			q, err := n.Quote(t.Context(), [64]byte{i})
			if err != nil || q[568] != i {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n.clean(t); most != 1 {
		t.Errorf("%d entries at once", most)
	}
}

func TestEntriesThatStay(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	n.host.TSM.Fail(sim.OpRmdir, syscall.EBUSY, 1)
	if _, err := n.Quote(t.Context(), [64]byte{}); err != nil {
		t.Errorf("the quote is good all the same: %v", err)
	}
	if _, err := n.Quote(t.Context(), [64]byte{}); err != nil {
		t.Error(err)
	}
	n.clean(t)
	n.host.TSM.Fail(sim.OpRmdir, syscall.EBUSY, 10_000)
	var err error
	for i := 0; i < 40 && err == nil; i++ {
		_, err = n.Quote(t.Context(), [64]byte{})
	}
	if got := len(n.host.TSM.Entries()); !errors.Is(err, tdx.ErrEntries) || got > 20 {
		t.Errorf("%d entries: %v", got, err)
	}
}

func TestKilledAgentsEntriesGo(t *testing.T) {
	n := newNode(t, sim.Defaults(), sim.HostOptions{})
	dir := filepath.Join(n.root, "sys/kernel/config/tsm/report")
	for _, name := range []string{"hallmark-1234", "entry-of-somebody"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Detect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := n.host.TSM.Entries(); len(e) != 1 || e[0] != "entry-of-somebody" {
		t.Errorf("%v", e)
	}
}

func TestAbsenceSaysWhyAndWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		o      sim.HostOptions
		fail   error
		other  string
		reason attest.Reason
		say    string
	}{
		"bare metal":             {o: sim.HostOptions{NotATD: true}, reason: attest.NotPresent, say: "not inside a trust domain"},
		"bare metal, no mount":   {o: sim.HostOptions{NotATD: true, NoConfigfs: true}, reason: attest.NotPresent, say: "not inside a trust domain"},
		"TD without configfs":    {o: sim.HostOptions{NoConfigfs: true}, reason: attest.NotLoaded, say: "mount -t configfs"},
		"TD without module":      {o: sim.HostOptions{NoTSM: true}, reason: attest.NotLoaded, say: "modprobe tdx_guest"},
		"no driver":              {other: "none", reason: attest.NotLoaded, say: "modprobe tdx_guest"},
		"another technology":     {other: "sev_guest", reason: attest.NotPresent, say: "sev_guest"},
		"not root":               {fail: syscall.EACCES, reason: attest.NotPermitted, say: "as root"},
		"no capability":          {fail: syscall.EPERM, reason: attest.NotPermitted, say: "as root"},
		"read-only in container": {fail: syscall.EROFS, reason: attest.NotPermitted, say: "read-only"},
	} {
		n := newNode(t, sim.Defaults(), c.o)
		if c.fail != nil {
			n.host.TSM.Fail(sim.OpMkdir, c.fail, 2)
		}
		if c.other != "" {
			n.host.TSM.SetProvider(strings.TrimPrefix(c.other, "none"))
		}
		_, quoting := n.Quote(t.Context(), [64]byte{})
		_, claiming := n.Claims(t.Context(), at)
		for step, err := range map[string]error{"quote": quoting, "claims": claiming} {
			var a *attest.AbsentError
			if !errors.As(err, &a) || a.Absence.What != "tdx" || a.Absence.Reason != c.reason || !strings.Contains(a.Absence.Detail, c.say) {
				t.Errorf("%s: %s: %v", name, step, err)
			}
		}
		n.clean(t)
	}
}

func TestNewWantsBoth(t *testing.T) {
	for _, o := range []tdx.Options{{}, {Client: &sim.TSM{}}} {
		if _, err := tdx.New(o); err == nil {
			t.Error(fmt.Sprint(o))
		}
	}
}

func eventually(t testing.TB, f func() bool) {
	t.Helper()
	for range 200 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("does not come")
}
