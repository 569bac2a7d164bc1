package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/fsverity"
	"github.com/hallmark-attest/hallmark/attest/fsverity/sums"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

// background runs d until nothing waits.
func background(t *testing.T, d *Digests) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	if err := d.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
}

// patterned writes n bytes whose blocks differ.
func patterned(t *testing.T, name string, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	for i := 0; i < n; i += 2048 {
		b[i], b[min(n-1, i+1)] = byte(i>>11), byte(i>>19)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func stored(dir string) DigestOptions {
	return DigestOptions{InlineBytes: 1 << 20, StateDir: dir, BootID: "boot 1", Now: ahead}
}

func proves(t *testing.T, d *Digests, f *os.File, data []byte) {
	t.Helper()
	b, err := d.Blocks(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, at := range []int64{0, 1, fsverity.Blocks(b.SizeBytes) / 2, fsverity.Blocks(b.SizeBytes) - 1} {
		if at >= fsverity.Blocks(b.SizeBytes) {
			continue
		}
		block, path, err := b.At(t.Context(), at)
		if err == nil {
			err = fsverity.VerifyBlock(b.Digest, b.SizeBytes, nil, at, block, path)
		}
		if err != nil || !bytes.Equal(block, data[at*4096:min(len(data), int(at+1)*4096)]) {
			t.Fatalf("block %d: %v", at, err)
		}
	}
}

func TestBlocksAreProvedOfLargeAndSmallFiles(t *testing.T) {
	d := NewDigests(stored(t.TempDir()))
	for _, n := range []int{1, 4096, 500_000, 9<<20 + 77} {
		name := filepath.Join(t.TempDir(), "f")
		data := patterned(t, name, n)
		f := opened(t, name)
		var later *NotYetError
		if _, err := d.Blocks(t.Context(), f); !errors.As(err, &later) {
			t.Fatalf("%d bytes, before it is hashed: %v", n, err)
		}
		if _, err := ask(t, d, f, false); err != nil && !errors.As(err, &later) {
			t.Fatal(err)
		}
		background(t, d)
		proves(t, d, f, data)
	}
}

// The plain SHA-256 asks for a pass from the first byte; the sums come with it,
// and stay if they are there already.
func TestPlainSumLeavesWholeSums(t *testing.T) {
	state, name := t.TempDir(), filepath.Join(t.TempDir(), "f")
	data := patterned(t, name, 70<<20)
	for range 2 {
		d := NewDigests(stored(state))
		f := opened(t, name)
		ask(t, d, f, true)
		background(t, d)
		if got, err := ask(t, d, f, true); err != nil || got.SHA256 == nil {
			t.Fatalf("%+v, %v", got, err)
		}
		proves(t, d, f, data)
	}
}

func TestProofNoticesChangedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	patterned(t, name, 9<<20)
	d := NewDigests(stored(t.TempDir()))
	f := opened(t, name)
	ask(t, d, f, false)
	background(t, d)
	b, err := d.Blocks(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	w, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.WriteAt([]byte{0xee}, 5<<20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.At(t.Context(), 5<<20/4096+1); !errors.Is(err, proc.ErrChanged) {
		t.Errorf("span with another byte: %v", err)
	}
	if err := w.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.At(t.Context(), 2000); !errors.Is(err, proc.ErrChanged) {
		t.Errorf("truncated: %v", err)
	}
}

func TestPassGoesOnAfterRestartInTheSameBootOnly(t *testing.T) {
	state, name := t.TempDir(), filepath.Join(t.TempDir(), "f")
	patterned(t, name, 130<<20)
	want := must(fsverity.Digest(t.Context(), opened(t, name), 130<<20, fsverity.Options{}))
	first := ahead()
	opt := stored(state)
	opt.Now = func() time.Time { return first }
	d := NewDigests(opt)
	f := opened(t, name)
	key := must(keyOf(f))
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := d.hashLarge(ctx, f, key, false, func(n int64) {
		if n >= 100<<20 {
			cancel()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	began := func(boot string) (at int64, k *kept) {
		opt.BootID, at = boot, -1
		opt.Now = func() time.Time { return first.Add(time.Hour) }
		d := NewDigests(opt)
		k, err := d.hashLarge(t.Context(), f, key, false, func(n int64) {
			if at < 0 {
				at = n
			}
		})
		if err != nil || k.digest != want {
			t.Fatalf("%s: %v, or other digest", boot, err)
		}
		return at, k
	}
	if at, k := began("boot 1"); at != 64<<20 || !k.at.Equal(first) {
		t.Errorf("same boot: first progress at %d, stated as read at %v, want %v", at, k.at, first)
	}
	if at, k := began("boot 1"); at != 130<<20 || !k.at.Equal(first) {
		t.Errorf("whole pass of before: first progress at %d, %v", at, k.at)
	}
	if at, k := began("boot 2"); at != fsverity.ChunkSize || k.at.Equal(first) {
		t.Errorf("other boot: first progress at %d, %v", at, k.at)
	}
}

func TestYoungFileLeavesNoSums(t *testing.T) {
	state, name := t.TempDir(), filepath.Join(t.TempDir(), "f")
	patterned(t, name, 3<<20)
	opt := stored(state)
	opt.Now = time.Now
	d := NewDigests(opt)
	f := opened(t, name)
	ask(t, d, f, false)
	background(t, d)
	if list := must(os.ReadDir(state)); len(list) != 0 {
		t.Fatal(list)
	}
	if _, err := d.Blocks(t.Context(), f); !errors.Is(err, ErrNoSums) {
		t.Fatal(err)
	}
}

func TestFileIsHashedThoughSumsCannotBeKept(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	patterned(t, name, 3<<20)
	var log strings.Builder
	opt := stored(filepath.Join(t.TempDir(), "none"))
	opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	d := NewDigests(opt)
	f := opened(t, name)
	ask(t, d, f, false)
	background(t, d)
	if got, err := ask(t, d, f, false); err != nil || got.Freshness != FreshStat {
		t.Fatalf("%+v, %v", got, err)
	}
	if !strings.Contains(log.String(), "not kept") {
		t.Fatalf("log %q", log.String())
	}
}

func TestBackgroundKeepsItsBudget(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	patterned(t, name, 5<<20)
	d := NewDigests(DigestOptions{InlineBytes: 1 << 20, BackgroundBytesPerSecond: 10 << 20, Now: ahead})
	f := opened(t, name)
	ask(t, d, f, false)
	start := time.Now()
	background(t, d)
	if took := time.Since(start); took < 350*time.Millisecond { // the first chunk of five is free
		t.Fatalf("5 MiB at 10 MiB/s took %v", took)
	}
}

func TestRunRemovesOldSums(t *testing.T) {
	state := t.TempDir()
	old := filepath.Join(state, "1-2"+sums.Suffix)
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opt := stored(state)
	opt.Now = func() time.Time { return time.Now().Add(2 * pruneAfter) }
	background(t, NewDigests(opt))
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("still there")
	}
}
