package swtpm

import (
	"path/filepath"
	"syscall"
	"testing"
)

// Ctrl-C in a terminal reaches every process of the foreground group at once:
// the TPM must outlive it for as long as an agent answers what is under way.
func TestTPMIsOutOfReachOfATerminalsInterrupt(t *testing.T) {
	p, err := startProcess(filepath.Join(t.TempDir(), "log"), "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	group, err := syscall.Getpgid(p.cmd.Process.Pid)
	if err != nil || group == syscall.Getpgrp() {
		t.Errorf("process group %d, ours is %d: %v", group, syscall.Getpgrp(), err)
	}
}
