package host

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

// mapLibrary maps a file executable into this process, as a loader would.
func mapLibrary(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, len(content), unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		t.Skipf("cannot map a file executable here: %v", err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
}

func TestMappedReadsTheLibraryInUseAndRejectsTwo(t *testing.T) {
	p, dir := proc.FS{Root: "/proc"}, t.TempDir()
	if _, err := Mapped(t.Context(), p, os.Getpid(), "libhallmark-test.so"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("nothing mapped: %v", err)
	}
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(me) // an ELF file
	if err != nil {
		t.Fatal(err)
	}
	mapLibrary(t, filepath.Join(dir, "libhallmark-test.so.1"), content)
	got, err := Mapped(t.Context(), p, os.Getpid(), "libhallmark-test.so")
	if err != nil {
		t.Fatal(err)
	}
	if want := sha256.Sum256(content); [32]byte(got.SHA256) != want || got.SizeBytes != uint64(len(content)) || got.check("x") != nil {
		t.Fatalf("%+v", got)
	}
	mapLibrary(t, filepath.Join(dir, "libhallmark-test.so.2"), []byte("shim"))
	if _, err := Mapped(t.Context(), p, os.Getpid(), "libhallmark-test.so"); err == nil {
		t.Fatal("two libraries of one name accepted")
	}
}
