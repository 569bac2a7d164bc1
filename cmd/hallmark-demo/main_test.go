package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hallmark-attest/hallmark/internal/sim/swtpm"
)

// TestMain makes this test binary the simulated engine too: the stage copies the program it runs in.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "engine" {
		main()
		return
	}
	code := m.Run()
	if dir := builtIn; dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var builtIn string // where programs were built

// build makes all programs as `make build` does, once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "demo-bin-")
	if err != nil {
		return "", err
	}
	builtIn = dir
	for _, p := range []struct {
		name, cgo string
		flags     []string
	}{{"hallmark-agent", "0", nil}, {"hallmark-demo", "0", nil}, {"hallmark", "0", nil},
		{"hallmark-gpuprobe", "1", []string{"-ldflags", `-extldflags "-Wl,-z,lazy"`}}} {
		args := append([]string{"build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(dir, p.name)}, p.flags...)
		cmd := exec.Command("go", append(args, "../"+p.name)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+p.cgo, "CGO_CFLAGS=-Wno-deprecated-declarations")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", p.name, err, out)
		}
	}
	return dir, nil
})

// programs returns the folder of the built programs, or skips aloud where the demo cannot run on this machine.
func programs(t testing.TB) string {
	t.Helper()
	if err := swtpm.Available(); err != nil {
		t.Skip("SKIPPED, neither the demo nor the agent behind it was exercised:", err)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("SKIPPED, neither the demo nor the agent behind it was exercised: gcc is missing, so the simulated NVML library cannot be built")
	}
	dir, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
