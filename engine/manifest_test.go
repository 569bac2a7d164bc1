package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"encoding/hex"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t testing.TB, target, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// tool asks the fsverity program for a file's digest.
func tool(t *testing.T, name string) [32]byte {
	t.Helper()
	if _, err := exec.LookPath("fsverity"); err != nil {
		t.Skip("fsverity tool not installed (package fsverity): equality not exercised")
	}
	out, err := exec.Command("fsverity", "digest", "--compact", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var d [32]byte
	if n, err := hex.Decode(d[:], bytes.TrimSpace(out)); err != nil || n != 32 {
		t.Fatalf("fsverity printed %q", out)
	}
	return d
}

func paths(m Manifest) string {
	var s []string
	for _, e := range m {
		s = append(s, e.Path)
	}
	return strings.Join(s, " ")
}

func TestMeasureSortsBytewiseAndEqualsFsverityTool(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b", "a.b", "a-b", "é", "Z", ".git/config", ".cache/huggingface/x.metadata", ".cache/other"} {
		write(t, filepath.Join(dir, name), name)
	}
	var last, total int64
	m, err := Measure(t.Context(), dir, func(d, n int64) { last, total = d, n })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := paths(m), ".cache/other Z a-b a.b a/b é"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	if last != total || uint64(total) != m.Size() {
		t.Errorf("progress ended at %d of %d, size %d", last, total, m.Size())
	}
	for _, e := range m {
		if want := tool(t, filepath.Join(dir, e.Path)); e.FSVerity != want {
			t.Errorf("%s: %x, fsverity says %x", e.Path, e.FSVerity, want)
		}
	}
}

func TestMeasureOfSingleFileUsesBaseName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "m.gguf")
	write(t, name, "weights")
	m, err := Measure(t.Context(), name, nil)
	if err != nil || len(m) != 1 || m[0].Path != "m.gguf" || m[0].Size != 7 {
		t.Fatalf("%+v, %v", m, err)
	}
}

func TestMeasureFollowsHuggingFaceSnapshot(t *testing.T) {
	repo := filepath.Join(t.TempDir(), "models--org--name")
	write(t, filepath.Join(repo, "blobs/0123"), "weights")
	snap := filepath.Join(repo, "snapshots/c0ffee")
	link(t, "../../blobs/0123", filepath.Join(snap, "model.safetensors"))
	m, err := Measure(t.Context(), snap, nil)
	if err != nil || paths(m) != "model.safetensors" || m[0].Size != 7 {
		t.Fatalf("%+v, %v", m, err)
	}
	plain := filepath.Join(t.TempDir(), "m")
	write(t, filepath.Join(plain, "model.safetensors"), "weights")
	same, err := Measure(t.Context(), plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := must(m.Digest()), must(same.Digest()); a != b {
		t.Fatalf("the same model in a cache is %x and in a directory %x", a, b)
	}
	one, err := Measure(t.Context(), filepath.Join(snap, "model.safetensors"), nil)
	if err != nil || paths(one) != "model.safetensors" {
		t.Fatalf("a single file goes by the name it was given, not by its blob's: %+v, %v", one, err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestMeasureRejectsWhatIsNoFileOfTheModel(t *testing.T) {
	out := filepath.Join(t.TempDir(), "outside")
	write(t, out, "x")
	for name, c := range map[string]struct {
		make func(dir string)
		want error
	}{
		"relative escape": {func(d string) { link(t, "../../"+filepath.Base(filepath.Dir(out))+"/outside", filepath.Join(d, "l")) }, errLink},
		"absolute escape": {func(d string) { link(t, out, filepath.Join(d, "l")) }, errLink},
		"dangling link":   {func(d string) { link(t, "nothing", filepath.Join(d, "l")) }, errLink},
		"directory link":  {func(d string) { link(t, ".", filepath.Join(d, "l")) }, errLink},
		"fifo": {func(d string) {
			if err := unix.Mkfifo(filepath.Join(d, "l"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, proc.ErrNotRegular},
		"control character": {func(d string) { write(t, filepath.Join(d, "a\nb"), "") }, nil},
		"not UTF-8":         {func(d string) { write(t, filepath.Join(d, "a\xff"), "") }, nil},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "ok"), "x")
		c.make(dir)
		if _, err := Measure(t.Context(), dir, nil); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := Measure(t.Context(), t.TempDir(), nil); err == nil {
		t.Error("empty directory accepted")
	}
	if _, err := Measure(t.Context(), filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such path: %v", err)
	}
}

func TestManifestRejects(t *testing.T) {
	ok := func() Manifest { return Manifest{{Path: "a", Size: 1}, {Path: "b/c", Size: 2}} }
	if _, err := ok().Digest(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(Manifest) Manifest{
		"empty":       func(Manifest) Manifest { return nil },
		"twice":       func(m Manifest) Manifest { m[1] = m[0]; return m },
		"order":       func(m Manifest) Manifest { m[0], m[1] = m[1], m[0]; return m },
		"absolute":    func(m Manifest) Manifest { m[1].Path = "/x"; return m[1:] },
		"parent":      func(m Manifest) Manifest { m[1].Path = "../x"; return m[1:] },
		"dots inside": func(m Manifest) Manifest { m[1].Path = "b/../c"; return m },
		"dot":         func(m Manifest) Manifest { m[0].Path = "."; return m },
		"no name":     func(m Manifest) Manifest { m[0].Path = ""; return m },
		"control":     func(m Manifest) Manifest { m[1].Path = "b\x00"; return m },
		"long":        func(m Manifest) Manifest { m[1].Path = strings.Repeat("b", attest.MaxText+1); return m },
		"huge":        func(m Manifest) Manifest { m[1].Size = MaxFileBytes + 1; return m },
		"too many":    func(Manifest) Manifest { return make(Manifest, attest.MaxModelFiles+1) },
	} {
		if err := spoil(ok()).Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(must(Manifest{{Path: "a", Size: 1}, {Path: "b/c", Size: 2, FSVerity: [32]byte{7}}}.Encode()))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseManifest(b)
		if err != nil {
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("round trip: %v", err)
		}
	})
}
