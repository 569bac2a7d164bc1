package hw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// The child in these tests is this test binary, started like the probe; what it is
// told to load says how it behaves. The probe itself runs in cmd/hallmark-gpuprobe.
// It is an init, not a TestMain, so that other devices' tests may have theirs.
func init() {
	if len(os.Args) == 3 && os.Args[1] == "--library" {
		os.Exit(fakeProbe(os.Args[2]))
	}
}

func fakeProbe(behaviour string) int {
	for {
		q, err := gpu.ReadRequest(os.Stdin)
		if err != nil {
			return 1 // the race detector makes a good end last a second
		}
		reply := gpu.Reply{ID: q.ID}
		var v any = gpu.Hello{Protocol: gpu.Protocol, Version: "test", PID: uint64(os.Getpid())}
		if q.Method == gpu.MethodSnapshot {
			v = fakeClaims()
			switch behaviour {
			case "hang":
				time.Sleep(time.Hour)
			case "slow":
				time.Sleep(50 * time.Millisecond)
			case "crash":
				fmt.Fprint(os.Stderr, strings.Repeat("noise\n", 5000), "probe: symbol lookup error: undefined symbol: nvmlDeviceGetPdi\n", "bye\n")
				return 127
			case "wrong id":
				reply.ID += 7
			case "garbage":
				fmt.Print("this is no frame")
				time.Sleep(time.Hour)
			case "bad claims":
				v = map[string]int{"gpu": 1}
			case "refuse":
				reply.Error = &gpu.ReplyError{Reason: attest.NotPresent, Detail: "no NVIDIA device"}
			case "environment":
				reply.Error = &gpu.ReplyError{Reason: attest.Failed, Detail: strings.Join(os.Environ(), " ")}
			}
		} else if q.Method == gpu.MethodSweep {
			v = fakeSweep(behaviour, q.Params)
		} else if behaviour == "old" {
			v = gpu.Hello{Protocol: gpu.Protocol + 1}
		}
		if reply.Error == nil {
			reply.Result, _ = attest.Marshal(v)
		}
		if gpu.WriteFrame(os.Stdout, reply, gpu.MaxReplySize) != nil {
			return 1
		}
	}
}

// poor is a library with one GPU that tells nothing.
type poor struct{}

var untold = &attest.AbsentError{Absence: attest.Absent("", attest.NotSupported, "not told")}

func (poor) Count() (int, error)                        { return 1, nil }
func (poor) System() (gpu.System, error)                { return gpu.System{}, untold }
func (poor) Identity(int) (gpu.Identity, error)         { return gpu.Identity{}, untold }
func (poor) State(int) (gpu.State, error)               { return gpu.State{}, untold }
func (poor) Interconnect(int) (gpu.Interconnect, error) { return gpu.Interconnect{}, untold }
func (poor) Processes(int) ([]gpu.Process, error)       { return nil, untold }
func (poor) Pair(int, int) (*string, *string, error)    { return nil, nil, untold }

func fakeClaims() *gpu.Claims {
	c, err := gpu.Snapshot(poor{}, time.Now)
	if err != nil {
		panic(err)
	}
	return c
}

func newTestProbe(t *testing.T, behaviour string) *Probe {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := NewProbe(self, behaviour, slog.New(slog.NewTextHandler(io.Discard, nil)))
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// late is what a busy test machine may add to a deadline; what is guarded against
// here lasts an hour.
const late = 2 * time.Second

func askWithin(t *testing.T, p *Probe, d time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	begin := time.Now()
	_, err := p.Snapshot(ctx)
	if took := time.Since(begin); took > d+late {
		t.Errorf("answered after %s, the deadline was %s", took, d)
	}
	return err
}

func want(t *testing.T, err error, r attest.Reason, detail string) {
	t.Helper()
	var a *attest.AbsentError
	if !errors.As(err, &a) || a.Absence.What != "gpu" || a.Absence.Reason != r || !strings.Contains(a.Absence.Detail, detail) {
		t.Errorf("got %v, want gpu: %s: ...%s...", err, r, detail)
	}
}

func TestProbeKeepsOneProcess(t *testing.T) {
	p := newTestProbe(t, "ok")
	if p.PID() != 0 {
		t.Error("a process before the first snapshot")
	}
	for range 3 {
		if err := askWithin(t, p, 5*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	pid := p.PID()
	if err := p.Close(); err != nil || pid == 0 || p.PID() != 0 {
		t.Errorf("pid %d, then %d, %v", pid, p.PID(), err)
	}
	want(t, askWithin(t, p, time.Second), attest.NotLoaded, "closed")
}

func TestProbeFailuresAreAbsencesWithReasons(t *testing.T) {
	for behaviour, w := range map[string]struct {
		reason attest.Reason
		detail string
	}{
		"hang":       {attest.Timeout, "probe killed"},
		"garbage":    {attest.Failed, "limit"},
		"wrong id":   {attest.Failed, "reply to"},
		"bad claims": {attest.Failed, "gpu claims"},
		"old":        {attest.Failed, "different releases"},
		"crash":      {attest.Crashed, "exit status 127: probe: symbol lookup error: undefined symbol: nvmlDeviceGetPdi"},
		"refuse":     {attest.NotPresent, "no NVIDIA device"},
	} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			want(t, askWithin(t, newTestProbe(t, behaviour), time.Second), w.reason, w.detail)
		})
	}
}

func TestProbeStartFailuresNameTheFix(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	want(t, askWithin(t, NewProbe(filepath.Join(dir, "none"), "x", log), time.Second), attest.NotPresent, "install it beside hallmark-agent")
	want(t, askWithin(t, NewProbe(plain, "x", log), time.Second), attest.NotPermitted, "may not be executed")
}

func TestProbeTakesRelativePaths(t *testing.T) {
	p := newTestProbe(t, "ok")
	t.Chdir(filepath.Dir(p.path))
	q := NewProbe("./"+filepath.Base(p.path), "ok", p.log)
	defer q.Close()
	if err := askWithin(t, q, 5*time.Second); err != nil {
		t.Error(err)
	}
	want(t, askWithin(t, NewProbe("hallmark-gpuprobe-nowhere", "x", p.log), time.Second), attest.NotPresent, "install it beside")
}

func TestProbeEnvironmentIsPathAlone(t *testing.T) {
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("LD_LIBRARY_PATH", "/tmp/evil")
	err := askWithin(t, newTestProbe(t, "environment"), 5*time.Second)
	want(t, err, attest.Failed, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	if strings.Contains(err.Error(), "LD_") {
		t.Error(err)
	}
}

func TestProbeBacksOffAndDoubles(t *testing.T) {
	p := newTestProbe(t, "crash")
	clock := time.Now()
	p.now = func() time.Time { return clock }
	for _, pause := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		want(t, askWithin(t, p, 5*time.Second), attest.Crashed, "exit status 127")
		failed := clock
		want(t, askWithin(t, p, time.Second), attest.Crashed, "next try in "+(pause*time.Second).String())
		clock = failed.Add(pause * time.Second)
	}
}

func TestProbeWaitsForAKilledProcessBeforeTheNext(t *testing.T) {
	p := newTestProbe(t, "ok")
	held := &child{started: make(chan struct{}), process: &os.Process{Pid: 1 << 30}, done: make(chan struct{})}
	close(held.started) // killed, and the kernel does not let it go
	p.stuck = held
	want(t, askWithin(t, p, 5*time.Second), attest.Timeout, strconv.Itoa(1<<30)+" was killed and does not end")
	close(held.done)
	if err := askWithin(t, p, 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestProbeStartThatHangsMeetsTheDeadline(t *testing.T) {
	c := &child{started: make(chan struct{}), done: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := c.awaitStart(ctx); !errors.Is(err, context.DeadlineExceeded) || c.pid() != 0 {
		t.Errorf("pid %d, %v", c.pid(), err)
	}
	for _, f := range []**os.File{&c.stdin, &c.stdout} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		*f = w
	}
	c.kill() // returns although nothing runs yet
}

func TestProbeServesConcurrentCallersOneByOne(t *testing.T) {
	p := newTestProbe(t, "slow")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := p.Snapshot(t.Context()); err != nil {
				t.Error(err)
			}
			p.PID()
		})
	}
	wg.Wait()
}

func TestProbeCallersBehindAHungRequestMeetTheirOwnDeadline(t *testing.T) {
	p := newTestProbe(t, "hang")
	done := make(chan error)
	go func() { done <- askWithin(t, p, time.Second) }()
	time.Sleep(300 * time.Millisecond)
	want(t, askWithin(t, p, 100*time.Millisecond), attest.Timeout, "still in flight")
	want(t, <-done, attest.Timeout, "probe killed")
}

func TestProbeCancelledIsNoAbsence(t *testing.T) {
	p := newTestProbe(t, "hang")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	_, err := p.Snapshot(ctx)
	var a *attest.AbsentError
	if !errors.Is(err, context.Canceled) || errors.As(err, &a) {
		t.Errorf("got %v", err)
	}
	p.library = "ok"
	if err := askWithin(t, p, 5*time.Second); err != nil {
		t.Errorf("after a cancelled request: %v", err)
	}
}

func TestProbeCloseEndsARequestInFlight(t *testing.T) {
	p := newTestProbe(t, "hang")
	done := make(chan error)
	go func() { done <- askWithin(t, p, 9*time.Second) }()
	for p.PID() == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("claims of a closed probe")
	}
}

func TestProbeLeaksNothing(t *testing.T) {
	cycle := func() {
		for _, behaviour := range []string{"ok", "crash", "hang", "garbage", "refuse"} {
			p := newTestProbe(t, behaviour)
			askWithin(t, p, 300*time.Millisecond)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		NewProbe(self+".none", "x", slog.New(slog.DiscardHandler)).Snapshot(t.Context())
	}
	cycle()
	fds, goroutines := settle()
	for range 3 {
		cycle()
	}
	for range 100 {
		f, g := settle()
		if f <= fds && g <= goroutines {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	f, g := settle()
	t.Errorf("%d descriptors and %d goroutines, then %d and %d", fds, goroutines, f, g)
}

func settle() (fds, goroutines int) {
	time.Sleep(100 * time.Millisecond)
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list), runtime.NumGoroutine()
}

func TestTailKeepsTheEnd(t *testing.T) {
	var w tail
	for i := range 3000 {
		fmt.Fprintf(&w, "line %d\n", i)
	}
	w.Write([]byte(strings.Repeat("y", 3*maxTail) + "\nlast words\n\n"))
	if w.last("") != "last words" || w.last("line") != "" || len(w.buf) != maxTail {
		t.Errorf("%q, %d bytes", w.last(""), len(w.buf))
	}
}
