package watch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// both runs a test with each of the kernel's interfaces that is permitted here.
func both(t *testing.T, test func(t *testing.T, w *Watcher)) {
	for name, open := range map[string]func() (*Watcher, error){"inotify": NewInotify, "fanotify": NewFanotify} {
		t.Run(name, func(t *testing.T) {
			w, err := open()
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
				t.Skipf("%s is not permitted here: not exercised: %v", name, err)
			} else if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { w.Close() })
			if w.Name() != name {
				t.Error(w.Name())
			}
			test(t, w)
		})
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func watched(t *testing.T, w *Watcher, name string) uint64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	id, err := w.Watch(f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func drained(t *testing.T, w *Watcher, want ...uint64) {
	t.Helper()
	got, lost, err := w.Drain()
	slices.Sort(got)
	if err != nil || lost || !slices.Equal(got, want) {
		t.Fatalf("touched %v, lost %v, %v; want %v", got, lost, err, want)
	}
}

func TestEachChangeTouches(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		for what, change := range map[string]func(name string) error{
			"written to": func(n string) error { return os.WriteFile(n, []byte("y"), 0o600) },
			"truncated":  func(n string) error { return os.Truncate(n, 0) },
			"mode":       func(n string) error { return os.Chmod(n, 0o400) },
			"times":      func(n string) error { return os.Chtimes(n, time.Unix(1, 0), time.Unix(1, 0)) },
			"renamed":    func(n string) error { return os.Rename(n, n+"2") },
			"replaced":   func(n string) error { os.WriteFile(n+"2", nil, 0o600); return os.Rename(n+"2", n) },
			"removed":    os.Remove,
			"linked":     func(n string) error { return os.Link(n, n+"2") },
			"by another name": func(n string) error {
				if err := os.Link(n, n+"3"); err != nil {
					return err
				}
				return os.WriteFile(n+"3", []byte("z"), 0o600)
			},
		} {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "f"), "x")
			write(t, filepath.Join(dir, "other"), "x")
			id, other := watched(t, w, filepath.Join(dir, "f")), watched(t, w, filepath.Join(dir, "other"))
			drained(t, w)
			if err := change(filepath.Join(dir, "f")); err != nil {
				t.Fatal(err)
			}
			got, lost, err := w.Drain()
			if err != nil || lost || !slices.Equal(got, []uint64{id}) {
				t.Errorf("%s: touched %v, lost %v, %v, want %d", what, got, lost, err, id)
			}
			w.Forget(other)
		}
	})
}

func TestReadingTouchesNothing(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		name := filepath.Join(t.TempDir(), "f")
		write(t, name, "x")
		watched(t, w, name)
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		drained(t, w)
	})
}

func TestRenamedFileStaysWatchedAndItsOldNameIsNot(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		name := filepath.Join(t.TempDir(), "f")
		write(t, name, "x")
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := os.Rename(name, name+"2"); err != nil {
			t.Fatal(err)
		}
		write(t, name, "another file of that name")
		id, err := w.Watch(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, name, "written to")
		drained(t, w)
		write(t, name+"2", "written to")
		drained(t, w, id)
	})
}

func TestOneInodeCanBeWatchedTwice(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		name := filepath.Join(t.TempDir(), "f")
		write(t, name, "x")
		a, b, c := watched(t, w, name), watched(t, w, name), watched(t, w, name)
		w.Forget(b)
		write(t, name, "y")
		drained(t, w, a, c)
		write(t, name, "z")
		drained(t, w)
		d := watched(t, w, name)
		write(t, name, "zz")
		e := watched(t, w, name) // before the event is read
		drainedAtLeast(t, w, d)
		w.Forget(e)
		w.Forget(e)
		write(t, name, "zzz")
		drained(t, w)
	})
}

func drainedAtLeast(t *testing.T, w *Watcher, id uint64) {
	t.Helper()
	got, lost, err := w.Drain()
	if err != nil || lost || !slices.Contains(got, id) {
		t.Fatalf("touched %v, lost %v, %v; want %d", got, lost, err, id)
	}
}

// The kernel's number of a forgotten watch is not taken for that of a later one.
func TestForgottenWatchIsSilentAndALaterOneIsNot(t *testing.T) {
	both(t, func(t *testing.T, w *Watcher) {
		name := filepath.Join(t.TempDir(), "f")
		write(t, name, "x")
		for range 50 {
			id := watched(t, w, name)
			w.Forget(id)
			last := watched(t, w, name)
			write(t, name, "y")
			drained(t, w, last)
		}
	})
}

func TestNumberUsedAgainIsNotMistaken(t *testing.T) {
	q := &inotify{left: map[int32]int{7: 1}}
	event := func(wd int32, mask uint32) []byte {
		b := make([]byte, unix.SizeofInotifyEvent)
		b[0], b[4], b[5] = byte(wd), byte(mask), byte(mask>>8)
		return b
	}
	var got []object
	b := slices.Concat(event(7, unix.IN_MODIFY), event(7, unix.IN_IGNORED), event(8, unix.IN_MODIFY))
	if lost, err := q.parse(b, func(o object, _ bool) { got = append(got, o) }); lost || err != nil || !slices.Equal(got, []object{descriptor(8)}) {
		t.Fatalf("%q, %v, %v", got, lost, err)
	}
	got = nil
	if q.parse(event(7, unix.IN_MODIFY), func(o object, _ bool) { got = append(got, o) }); !slices.Equal(got, []object{descriptor(7)}) {
		t.Fatalf("the later holder's event: %q", got)
	}
}

func TestOverflowLosesEverythingAndWatchingGoesOn(t *testing.T) {
	w, err := NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	b, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 6 {
		t.Skipf("a queue of %s events: overflow not exercised", b)
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	write(t, name, "x")
	// The agent's watches end with their first event; directories do not, so one fills the queue.
	if _, err := unix.InotifyAddWatch(w.queue.descriptor(), dir, unix.IN_CREATE|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	watched(t, w, name)
	for i := range 40_000 {
		n := filepath.Join(dir, string(rune('a'+i%2)))
		if err := os.Symlink("x", n); err != nil {
			t.Fatal(err)
		}
		os.Remove(n)
	}
	if _, lost, err := w.Drain(); !lost || err != nil {
		t.Fatalf("lost %v, %v", lost, err)
	}
	drained(t, w)
	id := watched(t, w, name)
	write(t, name, "y")
	drained(t, w, id)
}

func TestLimitIsKept(t *testing.T) {
	w, err := NewInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.queue.(*inotify).most = 1
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "x")
	id := watched(t, w, name)
	write(t, name+"2", "x")
	f, err := os.Open(name + "2")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := w.Watch(f); !errors.Is(err, ErrLimit) {
		t.Fatal(err)
	}
	w.Forget(id)
	if _, err := w.Watch(f); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, lost, err := w.Drain(); !lost || !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if _, err := w.Watch(f); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
}

// FuzzParse feeds both parsers with what no kernel sends.
func FuzzParse(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, false)
	f.Add([]byte{24, 0, 0, 0, 3, 0, 24, 0, 2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0}, true)
	f.Add(append([]byte{52, 0, 0, 0, 3, 0, 24, 0, 2, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 28, 0, 1, 1, 1, 1, 2, 2, 2, 2, 8, 0, 0, 0, 1, 0, 0, 0}, make([]byte, 8)...), true)
	f.Fuzz(func(t *testing.T, b []byte, fan bool) {
		n := 0
		count := func(object, bool) { n++ }
		var q queue = &inotify{left: map[int32]int{}}
		if fan {
			q = &fanotify{known: map[object]bool{}}
		}
		if lost, err := q.parse(b, count); err != nil && !lost {
			t.Error("not understood, and nothing lost")
		}
		if n > len(b)/unix.SizeofInotifyEvent {
			t.Errorf("%d events in %d bytes", n, len(b))
		}
	})
}
