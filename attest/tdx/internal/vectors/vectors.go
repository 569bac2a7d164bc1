// Package vectors finds the captured quotes and collateral that tests of attest/tdx use. They are not in this
// repository (shared/data/README.md says whose they are); tests skip aloud without them.
package vectors

import (
	"os"
	"path/filepath"
	"testing"
)

// Read gives a file of HALLMARK_VECTORS/tdx, by default ../shared/data beside the repository.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir(), "tdx", name))
	if os.IsNotExist(err) {
		t.Skipf("NOT TESTED: no captured %s; set HALLMARK_VECTORS to the folder with tdx/", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Try is Read for a test that goes on without.
func Try(name string) ([]byte, bool) {
	b, err := os.ReadFile(filepath.Join(dir(), "tdx", name))
	return b, err == nil
}

// dir: the folder "shared" stands beside the repository, whose root has go.mod.
func dir() string {
	if d := os.Getenv("HALLMARK_VECTORS"); d != "" {
		return d
	}
	at, err := os.Getwd()
	for err == nil && at != filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	return filepath.Join(at, "../shared/data")
}
