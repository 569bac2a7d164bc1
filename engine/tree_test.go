package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// grown is a model in a tree of directories, and a collector that has stated it.
type grown struct {
	t   *testing.T
	dir string
	c   *Collector
}

func newGrown(t *testing.T) *grown {
	g := &grown{t: t, dir: t.TempDir()}
	for _, n := range []string{"a/b/c/one", "a/b/two", "a.b", "a-b", "z/deep/er/three", "top"} {
		write(t, g.at(n), n)
	}
	link(t, "a/b/two", g.at("way"))
	g.c = collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{g.dir}})
	g.states("a-b a.b a/b/c/one a/b/two top way z/deep/er/three")
	return g
}

func (g *grown) at(name string) string { return filepath.Join(g.dir, name) }

// next collects, and holds the result against a measurement that knows nothing of the past.
func (g *grown) next() Model {
	g.t.Helper()
	time.Sleep(10 * time.Millisecond) // past the kernel's coarse clock tick: the tests' clock is ahead, so the two-second rule does not help
	m := collect(g.t, g.c).Engines[0].Models[0]
	if fresh, err := Measure(g.t.Context(), g.dir, nil); err == nil {
		if want := must(fresh.Digest()); !m.Complete || [32]byte(m.Digest) != want {
			g.t.Fatalf("stated %v %x, measured %q %x", paths(m.Entries), m.Digest, paths(fresh), want)
		}
	} else if m.Complete {
		g.t.Fatalf("complete, and yet %v", err)
	}
	return m
}

func (g *grown) states(want string) {
	g.t.Helper()
	if got := paths(g.next().Entries); got != want {
		g.t.Fatalf("%q, want %q", got, want)
	}
}

func (g *grown) do(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func TestEveryChangeOfATreeIsSeenNext(t *testing.T) {
	g := newGrown(t)
	first := g.next().Digest
	if m := g.next(); m.Freshness != FreshStat || string(m.Digest) != string(first) {
		t.Fatalf("unchanged: %+v", m)
	}
	write(t, g.at("z/deep/er/added"), "x")
	g.states("a-b a.b a/b/c/one a/b/two top way z/deep/er/added z/deep/er/three")
	write(t, g.at("z/new/dir/x"), "x")
	g.states("a-b a.b a/b/c/one a/b/two top way z/deep/er/added z/deep/er/three z/new/dir/x")
	g.do(os.Remove(g.at("z/deep/er/three")))
	g.states("a-b a.b a/b/c/one a/b/two top way z/deep/er/added z/new/dir/x")
	before := g.next().Digest
	write(t, g.at("a/b/c/.tmp"), "ONE") // of the same size, put in place by rename
	g.do(os.Rename(g.at("a/b/c/.tmp"), g.at("a/b/c/one")))
	g.states("a-b a.b a/b/c/one a/b/two top way z/deep/er/added z/new/dir/x")
	if string(g.next().Digest) == string(before) {
		t.Fatal("replaced by rename, and the same digest")
	}
	g.do(os.Rename(g.at("a"), g.at("moved")))
	g.states("a-b a.b moved/b/c/one moved/b/two top z/deep/er/added z/new/dir/x") // and the link dangles
	if a := absence(collect(t, g.c), "engines[0].models[0].entries[way]"); a == nil {
		t.Error("no word of the link")
	}
}

func TestSwappedLinkTargetIsSeenNext(t *testing.T) {
	g := newGrown(t)
	before := g.next().Digest
	g.do(os.Remove(g.at("way")))
	link(t, "top", g.at("way"))
	if m := g.next(); string(m.Digest) == string(before) {
		t.Fatal("the link leads elsewhere, and the same digest")
	}
	g.do(os.Remove(g.at("way")))
	link(t, "/etc/hostname", g.at("way"))
	for range 2 { // stated each time
		c := collect(t, g.c)
		if c.Engines[0].Models[0].Complete || absence(c, "engines[0].models[0].entries[way]") == nil {
			t.Fatalf("the link leaves the model: %+v", c.Absent)
		}
	}
}

// A target that is exchanged leaves the link's own directory as it was.
func TestChangedTargetOfALinkIsSeenNext(t *testing.T) {
	g := newGrown(t)
	before := g.next().Digest
	write(t, g.at("a/b/two"), "another")
	if string(g.next().Digest) == string(before) {
		t.Fatal("the same digest")
	}
}

func TestDirectoryReplacedByALinkIsNotFollowed(t *testing.T) {
	g := newGrown(t)
	g.do(os.Rename(g.at("z"), filepath.Join(t.TempDir(), "z")))
	link(t, "a", g.at("z"))
	c := collect(t, g.c)
	a := absence(c, "engines[0].models[0].entries[z]")
	if m := c.Engines[0].Models[0]; m.Complete || a == nil || !strings.Contains(a.Detail, errLink.Error()) || strings.Contains(paths(m.Entries), "z/") {
		t.Fatalf("%+v: %+v", m, c.Absent)
	}
}

func TestFIFOInPlaceOfAFileNeitherBlocksNorPasses(t *testing.T) {
	g := newGrown(t)
	g.do(os.Remove(g.at("top")))
	g.do(unix.Mkfifo(g.at("top"), 0o600))
	for range 2 {
		c := collect(t, g.c)
		if c.Engines[0].Models[0].Complete || absence(c, "engines[0].models[0].entries[top]") == nil {
			t.Fatalf("%+v", c.Absent)
		}
	}
}

func TestModelPathThatLeadsElsewhereIsFollowedAnew(t *testing.T) {
	one, two, at := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "current")
	write(t, filepath.Join(one, "f"), "one")
	write(t, filepath.Join(two, "f"), "two")
	link(t, one, at)
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{at}})
	first := collect(t, c).Engines[0].Models[0].Digest
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	link(t, two, at)
	if second := collect(t, c).Engines[0].Models[0]; !second.Complete || string(second.Digest) == string(first) {
		t.Fatalf("%+v", second)
	}
	if err := os.Remove(at); err != nil {
		t.Fatal(err)
	}
	write(t, at, "a file now")
	if third := collect(t, c).Engines[0].Models[0]; paths(third.Entries) != "current" {
		t.Fatalf("%+v", third)
	}
}

func TestDroppedDigestIsComputedAgain(t *testing.T) {
	dir, _ := model(t)
	write(t, filepath.Join(dir, "third"), "3")
	c := collector(t, live, DigestOptions{MaxEntries: 2}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	for range 3 {
		if m := collect(t, c).Engines[0].Models[0]; !m.Complete || m.Files != 3 {
			t.Fatalf("%+v", m)
		}
	}
}

// A listing is used again only if nothing can have happened since within one tick of the clock.
func TestYoungListingIsNotKept(t *testing.T) {
	g := newGrown(t)
	kept := g.c.trees[g.dir]
	g.next()
	kept.top.items = kept.top.items[1:] // were it listed again, this would not matter
	if m := collect(t, g.c).Engines[0].Models[0]; strings.HasPrefix(paths(m.Entries), "a-b") {
		t.Skip("not a file system whose directories' times are trusted")
	}
	g.c.digests.opt.Now = time.Now
	write(t, g.at("young"), "x")
	for range 2 {
		kept.top.items = nil
		if m := collect(t, g.c).Engines[0].Models[0]; m.Files != 8 || kept.top.settled {
			t.Fatalf("%+v", m)
		}
	}
}

func TestUnreadableDirectoryIsAnAbsenceEachTime(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	g := newGrown(t)
	g.do(os.Chmod(g.at("a/b"), 0))
	defer os.Chmod(g.at("a/b"), 0o700)
	for range 2 {
		c := collect(t, g.c)
		if a := absence(c, "engines[0].models[0].entries[a/b]"); a == nil || a.Reason != attest.NotPermitted {
			t.Fatalf("%+v", c.Absent)
		}
	}
}

func TestStatOfANameAndOfTheOpenFileAgree(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "x")
	d, err := unix.Open(filepath.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(d)
	key, known, err := statKey(d, "f", unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !known || key != must(keyOf(opened(t, name))) {
		t.Fatalf("%+v, %v, %v; opened: %+v", key, known, err, must(keyOf(opened(t, name))))
	}
	if _, _, err := statKey(d, "none", unix.AT_SYMLINK_NOFOLLOW); proc.Reason(err) != attest.NotPresent {
		t.Error(err)
	}
	link(t, "f", filepath.Join(filepath.Dir(name), "l"))
	if _, _, err := statKey(d, "l", unix.AT_SYMLINK_NOFOLLOW); err == nil {
		t.Error("a link was followed")
	}
}

// A file that the kernel begins to protect keeps its times; the next collection says so nevertheless.
func TestKernelIsAskedOfAProtectedFileOfATree(t *testing.T) {
	dir := verityDir(t)
	write(t, filepath.Join(dir, "f"), "weights")
	c := collector(t, live, DigestOptions{}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	collect(t, c)
	if m := collect(t, c).Engines[0].Models[0]; m.Freshness != FreshStat {
		t.Fatalf("%+v", m)
	}
	enable(t, opened(t, filepath.Join(dir, "f")), nil)
	for range 2 {
		if m := collect(t, c).Engines[0].Models[0]; m.Freshness != FreshKernel || !m.Complete {
			t.Fatalf("%+v", m)
		}
	}
}
