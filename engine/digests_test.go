package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

func opened(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func ask(t *testing.T, d *Digests, f *os.File, plain bool) (FileDigest, error) {
	t.Helper()
	budget := d.opt.BudgetBytes
	return d.file(t.Context(), f, plain, &budget)
}

// A write within the tick of the clock that stamped the last one leaves all
// times equal, so a young file's digest must not be taken for unchanged.
func TestYoungFileIsHashedAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "one")
	f := opened(t, name)
	now := time.Now()
	d := NewDigests(DigestOptions{Now: func() time.Time { return now }})
	for i := range 2 {
		if got, err := ask(t, d, f, false); err != nil || got.Freshness != FreshHashed {
			t.Fatalf("ask %d: %+v, %v", i, got, err)
		}
	}
	now = now.Add(3 * time.Second)
	if got, err := ask(t, d, f, false); err != nil || got.Freshness != FreshHashed || got.DigestAtMs != ms(now) {
		t.Fatalf("first time old enough: %+v, %v", got, err)
	}
	if got, err := ask(t, d, f, false); err != nil || got.Freshness != FreshStat {
		t.Fatalf("now kept: %+v, %v", got, err)
	}
}

func TestForgedModificationTimeIsSeenByChangeTime(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "one")
	info := must(os.Stat(name))
	d := NewDigests(DigestOptions{Now: ahead})
	first := must(ask(t, d, opened(t, name), false))
	time.Sleep(20 * time.Millisecond) // past the kernel's coarse clock tick
	write(t, name, "two")
	if err := os.Chtimes(name, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	second := must(ask(t, d, opened(t, name), false))
	if second.Freshness != FreshHashed || string(second.FSVerity) == string(first.FSVerity) {
		t.Fatalf("%+v", second)
	}
}

func TestLargeFileIsHashedByRunAndNotBefore(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, strings.Repeat("x", 3<<20))
	f := opened(t, name)
	d := NewDigests(DigestOptions{InlineBytes: 1 << 20, Now: ahead})
	var later *NotYetError
	if got, err := ask(t, d, f, true); !errors.As(err, &later) || later.Size != 3<<20 || got.SizeBytes != 3<<20 {
		t.Fatalf("%+v, %v", got, err)
	}
	if done, total := d.Pending(); done != 0 || total != 3<<20 {
		t.Fatalf("pending %d of %d", done, total)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	if err := d.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	got, err := ask(t, d, f, true)
	if err != nil || [32]byte(got.SHA256) != sha256.Sum256(must(os.ReadFile(name))) || got.Freshness != FreshStat {
		t.Fatalf("%+v, %v", got, err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestBudgetOfOneCollectIsKept(t *testing.T) {
	d := NewDigests(DigestOptions{Now: ahead})
	budget := int64(5)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "1234")
	write(t, filepath.Join(dir, "b"), "1234")
	if _, err := d.file(t.Context(), opened(t, filepath.Join(dir, "a")), false, &budget); err != nil || budget != 1 {
		t.Fatalf("budget %d, %v", budget, err)
	}
	var later *NotYetError
	if _, err := d.file(t.Context(), opened(t, filepath.Join(dir, "b")), false, &budget); !errors.As(err, &later) {
		t.Fatal(err)
	}
}

func TestDigestsForgetTheLeastRecentlyUsed(t *testing.T) {
	d := NewDigests(DigestOptions{MaxEntries: 2, Now: ahead})
	dir := t.TempDir()
	fresh := func(name string) string {
		return must(ask(t, d, opened(t, filepath.Join(dir, name)), false)).Freshness
	}
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, name), name)
	}
	for _, step := range []struct{ name, want string }{{"a", FreshHashed}, {"b", FreshHashed}, {"a", FreshStat}, {"c", FreshHashed}, {"a", FreshStat}, {"b", FreshHashed}} {
		if got := fresh(step.name); got != step.want {
			t.Fatalf("%s: %s, want %s", step.name, got, step.want)
		}
	}
}

func TestDigestsRefuseDirectories(t *testing.T) {
	if _, err := ask(t, NewDigests(DigestOptions{}), opened(t, t.TempDir()), false); !errors.Is(err, proc.ErrNotRegular) {
		t.Fatal(err)
	}
}

func TestNotYetIsStatedOncePerModel(t *testing.T) {
	dir, _ := model(t)
	for _, n := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, n+".bin"), strings.Repeat(n, 2<<20))
	}
	col := collector(t, live, DigestOptions{InlineBytes: 1 << 20, BudgetBytes: 8 << 20}, EngineConfig{Name: "main", Endpoint: "http://127.0.0.1:1", Models: []string{dir}})
	c := collect(t, col)
	a := absence(c, "engines[0].models[0].digest")
	if a == nil || a.Reason != attest.NotYet || !strings.Contains(a.Detail, "3 files being hashed, 0 of 6291456 bytes") || c.Engines[0].Models[0].Complete {
		t.Fatalf("%+v; %+v", a, c.Engines[0].Models[0])
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go col.digests.Run(ctx)
	if err := col.digests.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	want := must(must(Measure(t.Context(), dir, nil)).Digest())
	if m := collect(t, col).Engines[0].Models[0]; !m.Complete || [32]byte(m.Digest) != want {
		t.Fatalf("%+v", m)
	}
}

// The host kernels we test on have no fs-verity, so the kernel's answer is
// checked on bytes that the format defines.
func TestKernelDescriptorWithOtherParametersIsRefused(t *testing.T) {
	base := make([]byte, descriptorSize)
	base[0], base[1], base[2] = 1, 1, 12
	binary.LittleEndian.PutUint64(base[8:], 77)
	sum := func(b []byte) [32]byte { return sha256.Sum256(b) }
	signed := append([]byte(nil), base...)
	signed[4] = 99 // the signature's size, which the kernel reports and the digest leaves out
	if err := checkDescriptor(signed, sum(base), 77); err != nil {
		t.Errorf("ours refused: %v", err)
	}
	for name, at := range map[string]int{"version": 0, "algorithm": 1, "block size": 2, "salt": 3} {
		d := append([]byte(nil), base...)
		d[at]++
		if err := checkDescriptor(d, sum(d), 77); !errors.Is(err, errNoVerity) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if checkDescriptor(base, sum(base), 78) == nil || checkDescriptor(base, [32]byte{}, 77) == nil {
		t.Error("other size or digest accepted")
	}
}

func TestFileWithoutVerityIsNotKernelMeasured(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	write(t, name, "x")
	if _, err := kernelDigest(opened(t, name)); !errors.Is(err, errNoVerity) {
		t.Fatal(err)
	}
}
