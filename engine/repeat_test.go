package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

const at8000 = "0100007F:1F40"

// served is one engine in a fake tree and a collector that has seen it, with a
// clock that the test moves.
type served struct {
	*fakeProc
	c   *Collector
	now time.Time
}

func newServed(t *testing.T) *served {
	s := &served{fakeProc: newFakeProc(t), now: time.Unix(1_800_000_000, 0)}
	s.process(1, 0, "/sbin/init", "init", 1)
	s.process(40, 1, "/usr/bin/vllm", "vllm serve m", 1)
	s.process(50, 1, "/usr/bin/stranger", "stranger", 1)
	s.listens(10, at8000, 501)
	s.holds(40, 501)
	var err error
	s.c, err = NewCollector(Config{[]EngineConfig{{Name: "main", Endpoint: "http://127.0.0.1:8000"}}}, proc.FS{Root: s.root}, NewDigests(DigestOptions{}), func() time.Time { return s.now })
	if err != nil {
		t.Fatal(err)
	}
	if e := s.next(); e.Process == nil || e.Process.PID != 40 || len(e.Sharing) != 0 {
		t.Fatalf("%+v", e)
	}
	return s
}

func (s *served) next() Engine { return collect(s.t, s.c).Engines[0] }

func (s *served) ends(pid int) { s.remove(s.path(pid, "")) }

func (s *served) releases(pid, socket int) {
	s.remove(s.path(pid, fmt.Sprintf("fd/%d", socket)))
}

func (s *served) remove(name string) {
	s.t.Helper()
	if _, err := os.Lstat(name); err != nil {
		s.t.Fatal(err)
	}
	if err := os.RemoveAll(name); err != nil {
		s.t.Fatal(err)
	}
}

func (s *served) unlisten() { write(s.t, s.path(10, "net/tcp"), tcpHeader) }

func TestRestartedEngineIsDescribedAtOnce(t *testing.T) {
	s := newServed(t)
	s.ends(40)
	s.unlisten()
	if e := s.next(); e.Process != nil || len(e.Listening) != 0 {
		t.Fatalf("ended, and yet %+v", e)
	}
	s.process(60, 1, "/usr/bin/sglang", "sglang", 1)
	s.holds(60, 601)
	s.listens(10, at8000, 601)
	if e := s.next(); e.Process == nil || e.Process.PID != 60 {
		t.Fatalf("%+v", e)
	}
	s.ends(60) // and once more, without a Collect between
	s.unlisten()
	s.process(61, 1, "/usr/bin/vllm", "vllm", 1)
	s.holds(61, 602)
	s.listens(10, at8000, 602)
	if e := s.next(); e.Process == nil || e.Process.PID != 61 || e.Kind != "vllm" {
		t.Fatalf("%+v", e)
	}
}

func TestReusedProcessIDIsAnotherProcess(t *testing.T) {
	s := newServed(t)
	write(t, s.path(40, "stat"), strings.Replace(s.stat(40, 1), " 40 0", " 99 0", 1))
	if e := s.next(); e.Process == nil || e.Process.StartTicks != 99 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestMovedSocketIsFoundAtOnce(t *testing.T) {
	s := newServed(t)
	s.releases(40, 501)
	s.holds(50, 501)
	if e := s.next(); e.Process == nil || e.Process.PID != 50 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestSocketOpenedByKnownProcessIsFoundAtOnce(t *testing.T) {
	s := newServed(t)
	s.releases(40, 501)
	s.unlisten()
	s.listens(10, at8000, 777)
	s.holds(50, 777)
	if e := s.next(); e.Process == nil || e.Process.PID != 50 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestSocketMovedBeforeItListenedIsFoundAtOnce(t *testing.T) {
	s := newServed(t)
	s.process(51, 1, "/usr/bin/vllm", "vllm", 1)
	s.holds(50, 777)
	s.ends(40)
	s.unlisten()
	s.next() // walks: 50 holds a socket that does not listen
	s.releases(50, 777)
	s.holds(51, 777)
	s.listens(10, at8000, 777)
	if e := s.next(); e.Process == nil || e.Process.PID != 51 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestWorkersComeAndGoAtOnce(t *testing.T) {
	s := newServed(t)
	s.process(70, 40, "/usr/bin/python3", "VLLM::Worker", 1)
	s.process(71, 70, "/usr/bin/python3", "x", 1)
	if e := s.next(); len(e.Tree) != 2 {
		t.Fatalf("%+v", e.Tree)
	}
	s.ends(70)
	write(t, s.path(71, "stat"), s.stat(71, 40)) // the engine is a subreaper
	if e := s.next(); len(e.Tree) != 1 || e.Tree[0].PID != 71 || e.Tree[0].Parent != 40 {
		t.Fatalf("%+v", e.Tree)
	}
	write(t, s.path(71, "stat"), s.stat(71, 1)) // its parent stays listed
	if e := s.next(); len(e.Tree) != 0 {
		t.Fatalf("%+v", e.Tree)
	}
}

func TestParentOfTheEngineIsReadAnew(t *testing.T) {
	s := newServed(t)
	write(t, s.path(40, "stat"), s.stat(40, 50))
	if e := s.next(); e.Process == nil || e.Process.Parent != 50 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestLauncherOfTheEngineIsReadAnew(t *testing.T) {
	s := newServed(t)
	s.process(30, 1, "/usr/bin/vllm", "vllm\x00serve", 1)
	write(t, s.path(40, "stat"), s.stat(40, 30))
	if e := s.next(); e.Process == nil || e.Process.PID != 30 || e.Process.Parent != 1 {
		t.Fatalf("%+v", e.Process)
	}
	write(t, s.path(30, "stat"), s.stat(30, 50))
	if e := s.next(); e.Process == nil || e.Process.PID != 30 || e.Process.Parent != 50 {
		t.Fatalf("%+v", e.Process)
	}
}

func TestSharersAreStatedWithinMaxAge(t *testing.T) {
	for name, share := range map[string]func(*served){
		"handed socket":   func(s *served) { s.holds(50, 501) },
		"SO_REUSEPORT":    func(s *served) { s.listens(10, at8000, 502); s.holds(50, 502) },
		"in the meantime": func(s *served) { s.holds(50, 501); s.next() },
	} {
		s := newServed(t)
		share(s)
		s.now = s.now.Add(maxAge + 1)
		if e := s.next(); len(e.Sharing) != 1 || e.Sharing[0] != 50 || e.Process.PID != 40 {
			t.Errorf("%s: sharing %v", name, e.Sharing)
		}
	}
}

func TestProcessBornWithTheSocketSharesAtOnce(t *testing.T) {
	s := newServed(t)
	s.process(80, 1, "/usr/bin/stray", "stray", 1)
	s.holds(80, 501)
	if e := s.next(); len(e.Sharing) != 1 || e.Sharing[0] != 80 {
		t.Fatalf("sharing %v", e.Sharing)
	}
}

func TestClockSetBackWalksAtOnce(t *testing.T) {
	s := newServed(t)
	s.holds(50, 501)
	s.now = s.now.Add(-time.Hour)
	if e := s.next(); len(e.Sharing) != 1 {
		t.Fatalf("sharing %v", e.Sharing)
	}
}

func TestUnchangedHostIsNotWalked(t *testing.T) {
	for name, prepare := range map[string]func(*served){
		"served": func(*served) {},
		"unheld": func(s *served) { s.releases(40, 501); s.next() },
	} {
		s := newServed(t)
		prepare(s)
		before := s.c.snap
		s.next()
		if s.c.snap != before {
			t.Errorf("%s: walked", name)
		}
	}
}

func TestRunWalksAheadOfCollect(t *testing.T) {
	s := newServed(t)
	s.holds(50, 501)
	s.c.walkAhead(t.Context())
	if e := s.next(); len(e.Sharing) != 1 {
		t.Fatalf("sharing %v", e.Sharing)
	}
	s.now = s.now.Add(idleAfter + 1)
	if s.c.walkAhead(t.Context()); s.c.ahead.Load() != nil {
		t.Fatal("walked though nobody asks")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.c.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestCollectsTakeTurnsBesideRun(t *testing.T) {
	s := newServed(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				c, err := s.c.Collect(context.Background())
				if err != nil || c.Engines[0].Process == nil {
					t.Errorf("%+v, %v", c, err)
				}
				s.c.walkAhead(context.Background())
			}
		})
	}
	wg.Wait()
	s.c.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.c.Collect(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("without a turn: %v", err)
	}
}

// This process is the engine: the kernel's own table, and its last process id,
// decide when the processes are listed again.
func TestRealWorkerIsStatedByTheNextCollect(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://" + l.Addr().String()})
	before := len(collect(t, c).Engines[0].Tree)
	for range 3 {
		w := exec.Command("sleep", "60")
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		if e := collect(t, c).Engines[0]; len(e.Tree) != before+1 || e.Process.PID != uint64(os.Getpid()) {
			t.Errorf("with a worker: %+v", e.Tree)
		}
		time.Sleep(attachTime + 10*time.Millisecond)
		collect(t, c)
		w.Process.Kill()
		w.Wait()
		if e := collect(t, c).Engines[0]; len(e.Tree) != before {
			t.Errorf("after its end: %+v", e.Tree)
		}
	}
}
