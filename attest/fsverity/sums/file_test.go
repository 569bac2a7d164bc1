package sums

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
)

// pattern is a file of any size that costs no memory, and whose blocks differ.
type pattern struct{ size int64 }

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	n := max(0, min(int64(len(b)), p.size-off))
	for i := int64(0); i < n; i += 4096 {
		clear(b[i:min(n, i+4096)])
		b[i] = byte((off + i) / 4096)
		b[min(n-1, i+1)] = byte((off + i) / 4096 >> 8)
	}
	if n < int64(len(b)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

const size = 130<<20 + 12345

var subject = Subject{Identity: [32]byte{1}, Size: size, Begun: time.Unix(1000, 5)}

func open(t testing.TB, name string, s Subject) *File {
	t.Helper()
	f, err := Open(name, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// pass hashes the pattern until stop bytes are done, and says how much it read.
func pass(t testing.TB, f *File, stop int64) (digest [32]byte, first int64, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first = -1
	digest, err = fsverity.Digest(ctx, pattern{size}, size, fsverity.Options{Workers: 2, Done: f.Done(), Sums: f.Add, Progress: func(n int64) {
		if first < 0 {
			first = n
		}
		if n >= stop {
			cancel()
		}
	}})
	return digest, first, err
}

func TestPassThatWasInterruptedGoesOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sums")
	want, err := fsverity.Digest(t.Context(), pattern{size}, size, fsverity.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var from int64
	for _, stop := range []int64{1 << 20, 40 << 20, 90 << 20} {
		f := open(t, name, Subject{subject.Identity, size, subject.Begun.Add(time.Duration(stop))})
		_, first, err := pass(t, f, stop)
		if !errors.Is(err, context.Canceled) || first < from {
			t.Fatalf("stopped at %d: %v, began at %d, %d were done", stop, err, first, from)
		}
		if begun := f.Subject().Begun; !begun.Equal(subject.Begun.Add(1 << 20)) {
			t.Fatalf("begun %v", begun)
		}
		from = stop / (64 << 20) * (64 << 20)
		f.Close()
	}
	f := open(t, name, subject)
	got, first, err := pass(t, f, 1<<62)
	if err != nil || got != want || first < 64<<20 || !f.Complete() {
		t.Fatalf("%v, same digest %v, began at %d", err, got == want, first)
	}
	f.Close()
	f = open(t, name, subject)
	if got, first, err := pass(t, f, 1<<62); err != nil || got != want || first != size {
		t.Fatalf("complete: %v, same digest %v, began at %d", err, got == want, first)
	}
	tree, err := fsverity.NewTree(f, size, nil)
	if err != nil || tree.Digest() != want {
		t.Fatalf("tree: %v", err)
	}
	if err := iotest.TestReader(f.Done(), mustRead(t, f)); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, f *File) []byte {
	t.Helper()
	b, err := io.ReadAll(f.Done())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStoredStateIsSmall(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sums")
	if _, _, err := pass(t, open(t, name, subject), 1<<62); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if share := float64(info.Size()-headerSize) / size; share > 0.000062 {
		t.Fatalf("%d bytes, %.5f %% of the file", info.Size(), 100*share)
	}
}

func TestOtherSubjectStartsAnew(t *testing.T) {
	for name, other := range map[string]Subject{
		"identity": {Identity: [32]byte{2}, Size: size},
		"size":     {Identity: subject.Identity, Size: size - 1},
	} {
		file := filepath.Join(t.TempDir(), "sums")
		f := open(t, file, subject)
		if _, _, err := pass(t, f, 1<<62); err != nil {
			t.Fatal(err)
		}
		f.Close()
		f = open(t, file, other)
		if f.have != 0 || !f.Subject().Begun.Equal(other.Begun) {
			t.Errorf("%s: %d bytes taken over", name, f.have)
		}
		f.Close()
		if f = open(t, file, subject); f.have != 0 {
			t.Errorf("%s: the old ones are back", name)
		}
	}
}

// Whatever a crash does to the file, the digest comes out right.
func TestDamagedSumsAreNotUsed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sums")
	want, _, err := pass(t, open(t, name, subject), 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"cut in the header":   whole[:90],
		"cut in a record":     whole[:headerSize+recordSize+100],
		"cut by a byte":       whole[:len(whole)-1],
		"first record zeroed": append(append(bytes.Clone(whole[:headerSize]), make([]byte, recordSize)...), whole[headerSize+recordSize:]...),
		"records exchanged": append(append(append(bytes.Clone(whole[:headerSize]), whole[headerSize+recordSize:headerSize+2*recordSize]...),
			whole[headerSize:headerSize+recordSize]...), whole[headerSize+2*recordSize:]...),
		"bit in the header":  flip(whole, 20),
		"bit in the time":    flip(whole, 57),
		"bit in a record":    flip(whole, headerSize+recordSize+5),
		"bit in check value": flip(whole, headerSize+recordSums+5),
		"longer":             append(bytes.Clone(whole), whole...),
		"empty":              nil,
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, name, subject)
		got, _, err := pass(t, f, 1<<62)
		if err != nil || got != want {
			t.Errorf("%s: %v, same digest %v", what, err, got == want)
		}
		f.Close()
		if now, err := os.ReadFile(name); err != nil || !bytes.Equal(now, whole) {
			t.Errorf("%s: %v, or not mended", what, err)
		}
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 4
	return b
}

func TestOpenRefusesLinksAndPipes(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join(dir, "link"), dir, filepath.Join(dir, "none", "f"), os.DevNull} {
		if _, err := Open(name, subject); err == nil {
			t.Errorf("%s opened", name)
		}
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestReadWantsCompleteSumsOfTheSameSubject(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f"+Suffix)
	if _, err := Read(name, subject); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no file: %v", err)
	}
	f := open(t, name, subject)
	if _, _, err := pass(t, f, 90<<20); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(name, subject); !errors.Is(err, ErrIncomplete) {
		t.Errorf("half a pass: %v", err)
	}
	if after, err := os.ReadFile(name); err != nil || !bytes.Equal(before, after) {
		t.Errorf("changed by reading: %v", err)
	}
	f.Close()
	want, _, err := pass(t, open(t, name, subject), 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(name, Subject{Identity: [32]byte{9}, Size: size}); !errors.Is(err, ErrIncomplete) {
		t.Errorf("other subject: %v", err)
	}
	r, err := Read(name, Subject{Identity: subject.Identity, Size: size})
	if err != nil || !r.Subject().Begun.Equal(subject.Begun) {
		t.Fatalf("%v", err)
	}
	defer r.Close()
	if tree, err := fsverity.NewTree(r, size, nil); err != nil || tree.Digest() != want {
		t.Fatalf("%v, or other digest", err)
	}
}

func TestPruneRemovesWhatWasNotUsed(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"old" + Suffix, "new" + Suffix, "used" + Suffix, "old.other"} {
		f := open(t, filepath.Join(dir, n), Subject{})
		f.Used(time.Unix(1000, 0))
		if n == "used"+Suffix {
			f.Used(time.Unix(3000, 0))
		}
		if n == "new"+Suffix {
			f.Used(time.Unix(2000, 0))
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"+Suffix), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, time.Unix(2000, 0)); err != nil {
		t.Fatal(err)
	}
	list, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(list) != 4 || filepath.Base(list[2]) != "old.other" {
		t.Fatal(list)
	}
	if Prune(filepath.Join(dir, "none"), time.Now()) == nil {
		t.Error("no folder, no error")
	}
}

func TestRestartForgetsSums(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sums")
	f := open(t, name, subject)
	if _, _, err := pass(t, f, 90<<20); !errors.Is(err, context.Canceled) || f.have == 0 {
		t.Fatal(err)
	}
	if err := f.Restart(time.Unix(5000, 0)); err != nil {
		t.Fatal(err)
	}
	if _, first, err := pass(t, f, 1<<62); err != nil || first != fsverity.ChunkSize {
		t.Fatalf("%v, began behind %d", err, first)
	}
	f.Close()
	if f = open(t, name, subject); !f.Complete() || !f.Subject().Begun.Equal(time.Unix(5000, 0)) {
		t.Fatalf("complete %v, begun %v", f.Complete(), f.Subject().Begun)
	}
}

func TestAddRejectsMoreThanTheFileHas(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "sums"), Subject{Size: 3 << 20})
	if err := f.Add(make([]byte, 7*32)); err == nil {
		t.Fatal("sums for seven of six spans stored")
	}
}

// Arbitrary bytes in place of a file of sums are read or refused, and never
// change a digest.
func FuzzOpen(f *testing.F) {
	const size = 70<<20 + 5
	s := Subject{Identity: [32]byte{1}, Size: size, Begun: time.Unix(1000, 5)}
	name := filepath.Join(f.TempDir(), "sums")
	d := open(f, name, s)
	want, err := fsverity.Digest(f.Context(), pattern{size}, size, fsverity.Options{Sums: d.Add})
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:headerSize])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		name := filepath.Join(t.TempDir(), "sums")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, name, s)
		if rand.IntN(20) > 0 && d.have == 0 {
			return // a whole pass each time is too slow, and nothing was taken over
		}
		if got, err := fsverity.Digest(t.Context(), pattern{size}, size, fsverity.Options{Done: d.Done(), Sums: d.Add}); err != nil || got != want {
			t.Fatalf("%v, or other digest", err)
		}
	})
}
