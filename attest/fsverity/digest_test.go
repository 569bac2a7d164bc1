package fsverity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// reference is the definition written down as simply as possible: every level
// in memory, one goroutine.
func reference(data, salt []byte) [32]byte {
	sum := func(b []byte) []byte {
		var in []byte
		if len(salt) > 0 {
			in = append(in, salt...)
			in = append(in, make([]byte, 64-len(salt))...)
		}
		s := sha256.Sum256(append(in, b...))
		return s[:]
	}
	level := func(b []byte) (up []byte) {
		for len(b) > 0 {
			block := make([]byte, 4096)
			b = b[copy(block, b):]
			up = append(up, sum(block)...)
		}
		return up
	}
	d := make([]byte, 256)
	if len(data) > 0 {
		top := level(data)
		for len(top) > 32 {
			top = level(top)
		}
		copy(d[16:], top)
	}
	d[0], d[1], d[2], d[3] = 1, 1, 12, byte(len(salt))
	binary.LittleEndian.PutUint64(d[8:], uint64(len(data)))
	copy(d[80:], salt)
	return sha256.Sum256(d)
}

func random(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// tool asks the fsverity program, an implementation that is not ours.
func tool(t *testing.T, name string, salt []byte) [32]byte {
	t.Helper()
	args := []string{"digest", "--compact", "--hash-alg=sha256", "--block-size=4096"}
	if len(salt) > 0 {
		args = append(args, "--salt="+hex.EncodeToString(salt))
	}
	out, err := exec.Command("fsverity", append(args, name)...).Output()
	if err != nil {
		t.Fatalf("fsverity digest: %v", err)
	}
	var d [32]byte
	if n, err := hex.Decode(d[:], []byte(strings.TrimSpace(string(out)))); err != nil || n != 32 {
		t.Fatalf("fsverity digest printed %q", out)
	}
	return d
}

func TestDigestEqualsFsverityTool(t *testing.T) {
	if _, err := exec.LookPath("fsverity"); err != nil {
		t.Skip("fsverity tool not installed (package fsverity): equality with the kernel format not exercised")
	}
	sizes := []int{0, 1, 4095, 4096, 4097, 512<<10 - 1, 512 << 10, 512<<10 + 1, 1 << 20, 64<<20 - 1, 64 << 20, 64<<20 + 1}
	for i := range uint64(4) {
		sizes = append(sizes, 1<<20+rand.New(rand.NewPCG(i, 7)).IntN(2<<20))
	}
	for _, n := range sizes {
		data, name := random(n, uint64(n)), filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		salts := [][]byte{nil, random(32, 9), {0xaa}}
		if n > 60<<20 {
			salts = salts[:2]
		}
		for _, salt := range salts {
			got, plain, err := Both(t.Context(), bytes.NewReader(data), int64(n), Options{Salt: salt, Workers: 3})
			if err != nil {
				t.Fatal(err)
			}
			if want := tool(t, name, salt); got != want {
				t.Errorf("size %d, salt of %d: %x, fsverity says %x", n, len(salt), got, want)
			}
			if plain != sha256.Sum256(data) {
				t.Errorf("size %d: plain SHA-256 differs", n)
			}
		}
	}
}

// zeroes is a file of any size that costs no memory.
type zeroes int64

func (z zeroes) ReadAt(p []byte, off int64) (int, error) {
	n := max(0, min(int64(len(p)), int64(z)-off))
	clear(p[:n])
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

func TestDigestFoldsLevelsAtBoundaries(t *testing.T) {
	const l2 = 128 * 128 * 4096 // 64 MiB: one full block of the second tree level
	for _, n := range []int64{128 * 4096, 128*4096 + 1, l2 - 1, l2, l2 + 1} {
		got, err := Digest(t.Context(), zeroes(n), n, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if want := reference(make([]byte, n), nil); got != want {
			t.Errorf("size %d: %x, want %x", n, got, want)
		}
	}
}

func TestDigestRejectsSourceOfOtherSize(t *testing.T) {
	data := random(3<<20, 1)
	for _, size := range []int64{int64(len(data)) + 1, int64(len(data)) - 1, int64(len(data)) + 1<<20, 0} {
		if _, err := Digest(t.Context(), bytes.NewReader(data), size, Options{}); !errors.Is(err, ErrSize) {
			t.Errorf("size %d of %d: %v, want ErrSize", size, len(data), err)
		}
	}
	if _, err := Digest(t.Context(), bytes.NewReader(nil), -1, Options{}); err == nil {
		t.Error("negative size accepted")
	}
}

func TestDigestRejectsLongSaltAndManyWorkers(t *testing.T) {
	for _, o := range []Options{{Salt: make([]byte, 33)}, {Workers: MaxWorkers + 1}, {Workers: -1}} {
		if _, err := Digest(t.Context(), bytes.NewReader(nil), 0, o); err == nil {
			t.Errorf("options %+v accepted", o)
		}
	}
}

type failing struct{ at int64 }

var errDisk = errors.New("input/output error")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.at {
		return 0, errDisk
	}
	return len(p), nil
}

func TestDigestReportsReadError(t *testing.T) {
	if _, err := Digest(t.Context(), failing{5 << 20}, 40<<20, Options{Workers: 4}); !errors.Is(err, errDisk) {
		t.Fatalf("%v, want the read error", err)
	}
}

func TestDigestStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var last int64
	_, err := Digest(ctx, zeroes(1<<40), 1<<40, Options{Progress: func(n int64) {
		if last = n; n > 4<<20 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || last > 64<<20 {
		t.Fatalf("after %d bytes: %v, want context.Canceled soon after 4 MiB", last, err)
	}
}

func TestProgressIsOrderedAndEndsAtSize(t *testing.T) {
	const n = 9<<20 + 5
	var last int64
	_, err := Digest(t.Context(), zeroes(n), n, Options{Workers: 4, Progress: func(d int64) {
		if d <= last {
			t.Errorf("progress went from %d to %d", last, d)
		}
		last = d
	}})
	if err != nil || last != n {
		t.Fatalf("ended at %d of %d: %v", last, n, err)
	}
}

func TestMemoryDoesNotGrowWithSize(t *testing.T) {
	alloc := func(n int64) uint64 {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		if _, err := Digest(t.Context(), zeroes(n), n, Options{Workers: 2}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&b)
		return b.TotalAlloc - a.TotalAlloc // everything ever allocated, so an upper bound of the peak
	}
	if got := alloc(512 << 20); got > 6<<20 {
		t.Fatalf("hashing 512 MiB allocated %d bytes in total, limit 6 MiB", got)
	}
}

func FuzzParallelEqualsReference(f *testing.F) {
	f.Add(uint32(0), uint64(0), uint8(0), uint8(1))
	f.Add(uint32(4097), uint64(1), uint8(32), uint8(2))
	f.Add(uint32(1<<20+1), uint64(2), uint8(8), uint8(3))
	f.Add(uint32(5<<20-1), uint64(3), uint8(0), uint8(7))
	f.Fuzz(func(t *testing.T, n uint32, seed uint64, saltLen, workers uint8) {
		data := random(int(n%(6<<20)), seed)
		salt := random(int(saltLen%(MaxSalt+1)), seed+1)
		got, plain, err := Both(t.Context(), bytes.NewReader(data), int64(len(data)), Options{Salt: salt, Workers: int(workers % 9)})
		if err != nil {
			t.Fatal(err)
		}
		if got != reference(data, salt) || plain != sha256.Sum256(data) {
			t.Fatalf("size %d, salt of %d, %d workers: differs from the reference", len(data), len(salt), workers%9)
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	const n = 64 << 20
	data := random(n, 1)
	for _, w := range []int{1, 2, 4} {
		b.Run("workers="+string(rune('0'+w)), func(b *testing.B) {
			b.SetBytes(n)
			for b.Loop() {
				if _, err := Digest(b.Context(), bytes.NewReader(data), n, Options{Workers: w}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("both", func(b *testing.B) {
		b.SetBytes(n)
		for b.Loop() {
			if _, _, err := Both(b.Context(), bytes.NewReader(data), n, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestTeeGivesAllBytesInOrderOrItsError(t *testing.T) {
	data := make([]byte, 3*ChunkSize+5)
	rand.NewChaCha8([32]byte{1}).Read(data)
	opt := Options{Workers: 4}
	want, err := Digest(t.Context(), bytes.NewReader(data), int64(len(data)), opt)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if d, err := Tee(t.Context(), bytes.NewReader(data), int64(len(data)), opt, &got); err != nil || d != want || !bytes.Equal(got.Bytes(), data) {
		t.Errorf("%x, %d bytes, %v", d, got.Len(), err)
	}
	full := errors.New("full")
	if _, err := Tee(t.Context(), bytes.NewReader(data), int64(len(data)), opt, fullDisk{full}); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	opt.Done = strings.NewReader("")
	if _, err := Tee(t.Context(), bytes.NewReader(data), int64(len(data)), opt, &got); err == nil {
		t.Error("went on in the middle")
	}
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }
