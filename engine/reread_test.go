package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// aged is a store with a clock that the test moves, and one large file of which it has a digest.
type aged struct {
	*Digests
	now  time.Time
	name string
	data []byte
	f    *os.File
	said strings.Builder
}

func newAged(t *testing.T, reread time.Duration) *aged {
	a := &aged{now: ahead(), name: filepath.Join(t.TempDir(), "f")}
	a.data = patterned(t, a.name, 9<<20)
	opt := stored(t.TempDir())
	opt.Now, opt.Reread = func() time.Time { return a.now }, reread
	opt.Log = slog.New(slog.NewTextHandler(&a.said, nil))
	a.Digests, a.f = NewDigests(opt), opened(t, a.name)
	ask(t, a.Digests, a.f, false)
	background(t, a.Digests)
	return a
}

// waits says how many bytes are queued after a time has passed.
func (a *aged) waits(pass time.Duration) int64 {
	a.now = a.now.Add(pass)
	a.reread()
	_, total := a.Pending()
	return total
}

func TestLargeFilesAreReadOnceAPeriod(t *testing.T) {
	a := newAged(t, 24*time.Hour)
	first := must(ask(t, a.Digests, a.f, false))
	if n := a.waits(23 * time.Hour); n != 0 {
		t.Fatalf("%d bytes queued before their time", n)
	}
	if n := a.waits(time.Hour); n != int64(len(a.data)) {
		t.Fatalf("%d bytes queued", n)
	}
	if n := a.waits(0); n != int64(len(a.data)) {
		t.Fatalf("queued twice: %d bytes", n)
	}
	if got := must(ask(t, a.Digests, a.f, false)); got.Freshness != FreshStat || got.DigestAtMs != first.DigestAtMs {
		t.Fatalf("meanwhile: %+v", got)
	}
	proves(t, a.Digests, a.f, a.data)
	background(t, a.Digests)
	got := must(ask(t, a.Digests, a.f, false))
	if got.DigestAtMs != ms(a.now) || !slices.Equal(got.FSVerity, first.FSVerity) || a.said.Len() != 0 {
		t.Fatalf("%+v; %s", got, a.said.String())
	}
	proves(t, a.Digests, a.f, a.data)
	if n := a.waits(23 * time.Hour); n != 0 {
		t.Fatal("the period begins with the last reading")
	}
}

func TestNothingIsReadAgainUnlessConfigured(t *testing.T) {
	if n := newAged(t, 0).waits(1000 * time.Hour); n != 0 {
		t.Fatalf("%d bytes", n)
	}
}

func TestRemovedFileIsNotReadAgain(t *testing.T) {
	a := newAged(t, 24*time.Hour)
	if err := os.Rename(a.name, a.name+"2"); err != nil {
		t.Fatal(err)
	}
	patterned(t, a.name, 10<<20)
	if n := a.waits(25 * time.Hour); n != 0 {
		t.Fatalf("another file of that name: %d bytes", n)
	}
}

// Weights that were first read through an engine's descriptor have a name that ends with the process.
func TestFileWhoseNameEndedIsReadAgainWhenItIsAskedFor(t *testing.T) {
	a := newAged(t, 24*time.Hour)
	first := must(ask(t, a.Digests, a.f, false))
	key := must(keyOf(a.f))
	a.mu.Lock()
	gone := *a.entries[key].Value.(*kept)
	gone.name = "/proc/0/fd/9"
	a.entries[key].Value = &gone
	a.mu.Unlock()
	if n := a.waits(25 * time.Hour); n != 0 {
		t.Fatalf("%d bytes of a name that leads nowhere", n)
	}
	if _, ok := a.unchanged(key, false); ok {
		t.Fatal("nobody would open it")
	}
	if got := must(ask(t, a.Digests, a.f, false)); got.Freshness != FreshStat || got.DigestAtMs != first.DigestAtMs {
		t.Fatalf("meanwhile: %+v", got)
	}
	if _, total := a.Pending(); total != int64(len(a.data)) {
		t.Fatalf("%d bytes queued", total)
	}
	background(t, a.Digests)
	if got := must(ask(t, a.Digests, a.f, false)); got.DigestAtMs != ms(a.now) {
		t.Fatalf("%+v", got)
	}
	if _, ok := a.unchanged(key, false); !ok {
		t.Error("opened for ever")
	}
}

// What is written behind the file system leaves the stat tuple. A test cannot write
// to the disk below itself: it makes the store believe in other bytes.
func TestBytesThatDifferUnderEqualTimesAreStatedAndLogged(t *testing.T) {
	a := newAged(t, 24*time.Hour)
	want := must(ask(t, a.Digests, a.f, false))
	other := filepath.Join(t.TempDir(), "other")
	g := opened(t, func() string { patterned(t, other, 9<<20); return other }())
	key := must(keyOf(a.f))
	w, err := os.OpenFile(other, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.WriteAt([]byte("other"), 5<<20)
	w.Close()
	ask(t, a.Digests, g, false)
	background(t, a.Digests)
	a.mu.Lock() // as if it had had the other file's bytes and sums when it was read
	k := *a.entries[key].Value.(*kept)
	k.digest = a.entries[must(keyOf(g))].Value.(*kept).digest
	a.entries[key].Value = &k
	a.mu.Unlock()
	s := a.store(key, k.at, false)
	if err := s.Restart(k.at); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(make([]byte, 9*2*32)); err != nil { // wrong ones
		t.Fatal(err)
	}
	s.Close()
	a.waits(25 * time.Hour)
	background(t, a.Digests)
	got := must(ask(t, a.Digests, a.f, false))
	if !slices.Equal(got.FSVerity, want.FSVerity) || got.DigestAtMs != ms(a.now) || !strings.Contains(a.said.String(), "level=WARN") || !strings.Contains(a.said.String(), a.name) {
		t.Fatalf("%+v; %s", got, a.said.String())
	}
	proves(t, a.Digests, a.f, a.data)
}
