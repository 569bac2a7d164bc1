package engine

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/engine/watch"
)

// watchers runs a test with each of the kernel's interfaces that is permitted here.
func watchers(t *testing.T, test func(t *testing.T, w Watcher)) {
	for name, open := range map[string]func() (*watch.Watcher, error){"inotify": watch.NewInotify, "fanotify": watch.NewFanotify} {
		t.Run(name, func(t *testing.T) {
			w, err := open()
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
				t.Skipf("%s is not permitted here: not exercised: %v", name, err)
			} else if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			if f := opened(t, t.TempDir()); !local(int(f.Fd())) {
				t.Skip("the temporary folder is on a file system whose files are not watched")
			}
			test(t, w)
		})
	}
}

func watchedCollector(t *testing.T, opt DigestOptions, dir string) *Collector {
	return collector(t, live, opt, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
}

func TestWatchedModelSaysSoUntilSomethingHappens(t *testing.T) {
	watchers(t, func(t *testing.T, w Watcher) {
		dir, weights := model(t)
		c := watchedCollector(t, DigestOptions{Watch: w}, dir)
		states := func(want string) {
			t.Helper()
			if m := collect(t, c).Engines[0].Models[0]; m.Freshness != want || !m.Complete {
				t.Fatalf("%+v, want %s", m, want)
			}
		}
		states(FreshHashed)
		states(FreshWatched)
		states(FreshWatched)
		f, err := os.OpenFile(weights, os.O_RDWR, 0) // closed after writing, and nothing written: the times stay
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		states(FreshHashed)
		states(FreshWatched)
		time.Sleep(20 * time.Millisecond)
		write(t, weights, "changed")
		states(FreshHashed)
		states(FreshWatched)
	})
}

// An event between hashing and the next look is not lost, wherever it is read.
func TestEventWhileAFileIsHashedMakesItDirty(t *testing.T) {
	watchers(t, func(t *testing.T, w Watcher) {
		name := filepath.Join(t.TempDir(), "f")
		write(t, name, "x")
		f := opened(t, name)
		d := NewDigests(DigestOptions{Watch: w, Now: ahead})
		key := must(keyOf(f))
		id := d.observe(f, key)
		w2, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		w2.Close()
		d.drain() // by another goroutine, in the middle of the pass
		d.keep(&kept{key: key, at: d.opt.Now(), watch: id})
		if k, fresh := d.get(key, false); fresh != FreshHashed || !k.dirty || len(d.watches) != 0 {
			t.Fatalf("%s, %+v", fresh, k)
		}
	})
}

func TestTouchedLargeFileIsReadAgainThoughItsSumsAreWhole(t *testing.T) {
	w, err := watch.NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	name := filepath.Join(t.TempDir(), "f")
	data := patterned(t, name, 9<<20)
	opt := stored(t.TempDir())
	opt.Watch = w
	d := NewDigests(opt)
	f := opened(t, name)
	ask(t, d, f, false)
	background(t, d)
	d.drain()
	first := must(ask(t, d, f, false))
	if first.Freshness != FreshWatched || first.CheckedAtMs != ms(time.Unix(0, d.drained.Load())) {
		t.Skipf("not watched here: %+v", first)
	}
	if err := os.Chmod(name, 0o600); err != nil { // moves ctime: another key, hashed anew
		t.Fatal(err)
	}
	g, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	d.drain()
	ask(t, d, f, false)
	background(t, d)
	if g, err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	g.Close()
	d.drain()
	if got := must(ask(t, d, f, false)); got.Freshness != FreshHashed {
		t.Fatalf("%+v", got)
	}
	background(t, d)
	d.drain()
	got := must(ask(t, d, f, false))
	if got.Freshness != FreshWatched || got.DigestAtMs <= first.DigestAtMs || !slices.Equal(got.FSVerity, first.FSVerity) {
		t.Fatalf("%+v", got)
	}
	proves(t, d, f, data)

	// An agent that starts again reads nothing, so it cannot say that nothing happened.
	again := NewDigests(opt)
	ask(t, again, f, false)
	background(t, again)
	again.drain()
	if got := must(ask(t, again, f, false)); got.Freshness != FreshStat || len(again.watches) != 0 {
		t.Fatalf("after a restart: %+v", got)
	}
}

// fakeWatch is a kernel that refuses, or loses events.
type fakeWatch struct {
	last  uint64
	lost  bool
	fail  error
	ended []uint64
}

func (w *fakeWatch) Watch(*os.File) (uint64, error) { w.last++; return w.last, w.fail }
func (w *fakeWatch) Forget(id uint64)               { w.ended = append(w.ended, id) }
func (w *fakeWatch) Drain() ([]uint64, bool, error) {
	lost := w.lost
	w.lost = false
	return nil, lost, nil
}

func TestLostEventsMakeAllDirty(t *testing.T) {
	dir, _ := model(t)
	w := &fakeWatch{}
	var said strings.Builder
	c := watchedCollector(t, DigestOptions{Watch: w, Log: slog.New(slog.NewTextHandler(&said, nil))}, dir)
	collect(t, c)
	if m := collect(t, c).Engines[0].Models[0]; m.Freshness != FreshWatched {
		t.Skipf("not watched here: %+v", m)
	}
	w.lost = true
	if m := collect(t, c).Engines[0].Models[0]; m.Freshness != FreshHashed || len(w.ended) != 2 || !strings.Contains(said.String(), "lost") {
		t.Fatalf("%+v, ended %v, %s", m, w.ended, said.String())
	}
}

func TestRefusedWatchLeavesTheStatTuple(t *testing.T) {
	dir, _ := model(t)
	c := watchedCollector(t, DigestOptions{Watch: &fakeWatch{fail: watch.ErrLimit}}, dir)
	collect(t, c)
	if m := collect(t, c).Engines[0].Models[0]; m.Freshness != FreshStat {
		t.Fatalf("%+v", m)
	}
}

func TestDroppedDigestsEndTheirWatches(t *testing.T) {
	w := &fakeWatch{}
	d := NewDigests(DigestOptions{Watch: w, MaxEntries: 1, Now: ahead})
	dir := t.TempDir()
	for _, n := range []string{"a", "b"} {
		write(t, filepath.Join(dir, n), n)
		must(ask(t, d, opened(t, filepath.Join(dir, n)), false))
	}
	if len(d.watches) > 1 || w.last == 2 && !slices.Equal(w.ended, []uint64{1}) {
		t.Fatalf("%v, ended %v", d.watches, w.ended)
	}
}

func TestWeakestWordOfFreshness(t *testing.T) {
	for i, a := range freshness {
		for j, b := range freshness {
			if got := weaker(a, b); got != freshness[min(i, j)] {
				t.Errorf("%s, %s: %s", a, b, got)
			}
		}
		if !validFreshness(a) || weaker("", a) != a {
			t.Error(a)
		}
	}
	if validFreshness("sampled") || validFreshness("") {
		t.Error("a word that a node does not state")
	}
}
