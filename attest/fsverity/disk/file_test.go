package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

func random(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	r.Read(b)
	return b
}

// place writes a file and opens it. dir is a disk's folder where the tests run.
func place(t *testing.T, dir string, data []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	r, err := os.Open(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// forget drops a file from the page cache, which needs no privilege.
func forget(t *testing.T, f *os.File) {
	t.Helper()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}

func digest(t *testing.T, d *File, size int64) [32]byte {
	t.Helper()
	got, err := fsverity.Digest(t.Context(), d, size, fsverity.Options{Workers: 4, Worker: Idle})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEveryWayReadsTheSame(t *testing.T) {
	for _, n := range []int{0, 1, 4096, 4097, 1<<20 - 1, 5<<20 + 777} {
		data := random(n)
		want, err := fsverity.Digest(t.Context(), bytes.NewReader(data), int64(n), fsverity.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := place(t, t.TempDir(), data)
		for name, prepare := range map[string]func(*File){
			"as it comes":                 func(*File) {},
			"cache dropped":               func(d *File) { forget(t, d.file) },
			"half of it dropped":          func(d *File) { unix.Fadvise(int(d.file.Fd()), 0, int64(n/2), unix.FADV_DONTNEED) },
			"direct refused":              func(d *File) { d.noDirect.Store(true); forget(t, d.file) },
			"no second descriptor":        func(d *File) { d.direct = nil; forget(t, d.file) },
			"no cachestat":                func(d *File) { d.cache.once.Do(func() { d.cache.size, d.cache.sampled = int64(n), true }) },
			"no cachestat, nothing there": func(d *File) { d.cache.once.Do(func() {}); forget(t, d.file) },
			"nothing but plain reads":     func(d *File) { d.noTry.Store(true); d.noDirect.Store(true) },
		} {
			d := Open(f)
			prepare(d)
			if got := digest(t, d, int64(n)); got != want {
				t.Errorf("%s, %d bytes: other digest", name, n)
			}
			if c := d.Counts(); c.Cached+c.Direct+c.Buffered != int64(n) {
				t.Errorf("%s, %d bytes: counted %+v", name, n, c)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestColdFileIsReadPastTheCache(t *testing.T) {
	const n = 16 << 20
	f := place(t, t.TempDir(), random(n))
	forget(t, f)
	d := Open(f)
	defer d.Close()
	if d.direct == nil || !exact(d) {
		t.Skip("the file system of the temporary folder refuses direct reads, or the kernel cachestat: not exercised")
	}
	if d.cache.mostly() {
		t.Skip("the file system of the temporary folder keeps its pages: not exercised")
	}
	if d.Workers() != DirectWorkers {
		t.Errorf("%d workers", d.Workers())
	}
	digest(t, d, n)
	if c := d.Counts(); c.Direct < n*9/10 {
		t.Errorf("counted %+v", c)
	}
	if have, _ := d.cache.stat(0, n); have > n/10 {
		t.Errorf("%d bytes in the page cache afterwards", have)
	}
}

func TestRefusedDirectReadsLeaveNoPagesBehind(t *testing.T) {
	const n = 16 << 20
	f := place(t, t.TempDir(), random(n))
	forget(t, f)
	d := Open(f)
	defer d.Close()
	d.noDirect.Store(true)
	if !exact(d) || d.cache.mostly() {
		t.Skip("cachestat refused, or pages are kept by the temporary folder's file system: not exercised")
	}
	digest(t, d, n)
	if have, _ := d.cache.stat(0, n); have > n/4 {
		t.Errorf("%d of %d bytes in the page cache afterwards: %+v", have, n, d.Counts())
	}
}

func TestWarmFileIsReadFromTheCacheAndStaysThere(t *testing.T) {
	const n = 16 << 20
	f := place(t, t.TempDir(), random(n))
	if _, err := io.Copy(io.Discard, io.NewSectionReader(f, 0, n)); err != nil {
		t.Fatal(err)
	}
	d := Open(f)
	defer d.Close()
	if !exact(d) {
		t.Skip("cachestat refused: not exercised")
	}
	digest(t, d, n)
	if c := d.Counts(); c.Cached < n*3/4 {
		t.Errorf("counted %+v", c)
	}
	if have, _ := d.cache.stat(0, n); have < n*3/4 {
		t.Errorf("%d of %d bytes in the page cache afterwards", have, n)
	}
}

func exact(d *File) bool {
	d.cache.once.Do(d.cache.learn)
	return d.cache.exact
}

func TestDescriptorHandedInStaysAsItIs(t *testing.T) {
	f := place(t, t.TempDir(), random(3<<20))
	if _, err := f.Seek(77, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	flags := func() int {
		v, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := flags()
	d := Open(f)
	digest(t, d, 3<<20)
	d.Close()
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != 77 || flags() != before {
		t.Fatalf("offset %d, flags %#x, before %#x, %v", at, flags(), before, err)
	}
}

// The fsverity program and we read the same file, sparse or not, warm or not.
func TestDigestOfFileEqualsFsverityTool(t *testing.T) {
	if _, err := exec.LookPath("fsverity"); err != nil {
		t.Skip("fsverity tool not installed (package fsverity): equality with the kernel format not exercised")
	}
	salt := random(32)
	for i, n := range []int64{0, 4097, 512<<10 + 1, 3<<20 + rand.Int64N(9<<20), 20<<20 + rand.Int64N(9<<20)} {
		f := place(t, t.TempDir(), random(int(n/3)))
		if err := os.Truncate(f.Name(), n); err != nil { // a hole at the end
			t.Fatal(err)
		}
		if w, err := os.OpenFile(f.Name(), os.O_WRONLY, 0); err == nil && n > 0 {
			w.WriteAt([]byte{1}, n/2) // and a little in it
			w.Close()
		}
		if i%2 == 0 {
			forget(t, f)
		}
		for _, salt := range [][]byte{nil, salt[:7], salt} {
			d := Open(f)
			got, err := fsverity.Digest(t.Context(), d, n, fsverity.Options{Salt: salt, Workers: 5})
			d.Close()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"digest", "--compact", "--hash-alg=sha256", "--block-size=4096", f.Name()}
			if len(salt) > 0 {
				args = append(args, "--salt="+hex.EncodeToString(salt))
			}
			out, err := exec.Command("fsverity", args...).Output()
			if want := strings.TrimSpace(string(out)); err != nil || hex.EncodeToString(got[:]) != want {
				t.Errorf("%d bytes, salt of %d: %x, fsverity says %s, %v", n, len(salt), got, want, err)
			}
		}
	}
}

// Each change happens in the middle of a pass, between two reads.
func TestFileThatChangesSizeDuringPassIsRefused(t *testing.T) {
	const n = 12 << 20
	for name, change := range map[string]func(name string) error{
		"truncated":            func(name string) error { return os.Truncate(name, n-5) },
		"truncated to nothing": func(name string) error { return os.Truncate(name, 0) },
		"grown":                func(name string) error { return os.Truncate(name, n+1) },
	} {
		for _, cold := range []bool{false, true} {
			f := place(t, t.TempDir(), random(n))
			if cold {
				forget(t, f)
			}
			d := Open(f)
			done := false
			_, err := fsverity.Digest(t.Context(), d, n, fsverity.Options{Workers: 1, Progress: func(int64) {
				if !done {
					done = true
					if err := change(f.Name()); err != nil {
						t.Error(err)
					}
				}
			}})
			d.Close()
			if !errors.Is(err, fsverity.ErrSize) {
				t.Errorf("%s, cold %v: %v", name, cold, err)
			}
		}
	}
}

func TestFileThatVanishesIsStillTheFileThatWasOpened(t *testing.T) {
	data := random(12 << 20)
	f := place(t, t.TempDir(), data)
	want := digest(t, Open(f), 12<<20)
	forget(t, f)
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Name(), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Open(f)
	defer d.Close()
	if got := digest(t, d, 12<<20); got != want {
		t.Fatal("other digest")
	}
}

func TestSparseFileReadsAsZeroes(t *testing.T) {
	const n = 40 << 20
	f := place(t, t.TempDir(), nil)
	if err := os.Truncate(f.Name(), n); err != nil {
		t.Fatal(err)
	}
	_, plain, err := fsverity.Both(t.Context(), Open(f), n, fsverity.Options{})
	if err != nil || plain != sha256.Sum256(make([]byte, n)) {
		t.Fatalf("%v, or not zeroes", err)
	}
}

func TestDirectoryIsAnError(t *testing.T) {
	f, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := Open(f)
	defer d.Close()
	if _, err := d.ReadAt(make([]byte, 4096), 0); !errors.Is(err, unix.EISDIR) {
		t.Fatal(err)
	}
}

func TestOpenOfMemoryFile(t *testing.T) {
	const shm = "/dev/shm"
	if _, err := os.Stat(shm); err != nil {
		t.Skip("no " + shm + ": a file system without a disk is not exercised")
	}
	dir, err := os.MkdirTemp(shm, "hallmark-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	data := random(5<<20 + 1)
	d := Open(place(t, dir, data))
	defer d.Close()
	want, err := fsverity.Digest(t.Context(), bytes.NewReader(data), int64(len(data)), fsverity.Options{})
	if err != nil || digest(t, d, int64(len(data))) != want {
		t.Fatalf("%v, or other digest", err)
	}
}
