package hw

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-configfs-tsm/configfs/configfsi"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestTSMTreeStaysInItsFolder(t *testing.T) {
	root := t.TempDir()
	tree := tsmTree{root}
	entry, err := tree.MkdirTemp(tsmReport, "hallmark-")
	if err != nil || filepath.Dir(entry) != tsmReport {
		t.Fatalf("%q: %v", entry, err)
	}
	real := filepath.Join(root, filepath.Base(entry))
	if err := tree.WriteFile(entry+"/inblob", make([]byte, 64)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an attribute that the kernel does not have is made: %v", err)
	}
	if err := os.WriteFile(filepath.Join(real, "inblob"), []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tree.WriteFile(entry+"/inblob", []byte("behind")); err != nil {
		t.Fatal(err)
	}
	if b, err := tree.ReadFile(entry + "/inblob"); err != nil || !bytes.Equal(b, []byte("behind")) {
		t.Errorf("%q: %v", b, err)
	}
	if list, err := tree.ReadDir(tsmReport); err != nil || len(list) != 1 {
		t.Errorf("%v: %v", list, err)
	}
	if err := tree.RemoveAll(entry); err == nil {
		t.Error("a folder with files is removed: this is rmdir")
	}
	if err := os.Remove(filepath.Join(real, "inblob")); err != nil {
		t.Fatal(err)
	}
	if err := tree.RemoveAll(entry); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"/etc/passwd", tsmReport + "/../../x", tsmReport + "er", configfsi.TsmPrefix} {
		if _, err := tree.ReadFile(name); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}

func TestOpenTDXOutsideSaysWhy(t *testing.T) {
	if _, err := OpenTDX("relative"); err == nil {
		t.Error("a relative path is taken")
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil && bytes.Contains(b, []byte("tdx_guest")) {
		t.Skip("this machine is a trust domain")
	}
	d, err := OpenTDX(filepath.Join(t.TempDir(), "report"))
	if err != nil {
		t.Fatal(err)
	}
	var a *attest.AbsentError
	if err := d.Detect(t.Context()); !errors.As(err, &a) || a.Absence.Reason != attest.NotPresent {
		t.Errorf("%v", err)
	}
	if _, err := d.Register(t.Context()); !errors.As(err, &a) || a.Absence.Reason != attest.NotSupported {
		t.Errorf("%v", err)
	}
}

// TestTDXHardware quotes with a real driver; the only place where the kernel's own interface is met.
func TestTDXHardware(t *testing.T) {
	d, err := OpenTDX(tsmReport)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Detect(t.Context()); err != nil {
		t.Skipf("no trust domain: %v", err)
	}
	q, err := d.Quote(t.Context(), [64]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("quote of %d bytes", len(q))
}
