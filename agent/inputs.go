package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hallmark-attest/hallmark/attest"
)

// ReadInputs states where this process really reads from: device and library
// paths, the file systems mounted where the kernel's own belong, and the
// namespaces it lives in. root is the host's root, "/". What is not there is left out.
func ReadInputs(c *Config, root string) attest.Inputs {
	in := attest.Inputs{Paths: map[string]string{
		"tpm": c.TPM.Device, "gpu_library": c.GPU.Library, "gpu_probe": c.GPU.Probe, "state_dir": c.StateDir, "root": root,
	}, StatFS: map[string]uint64{}, Namespaces: map[string]string{}}
	if c.Collector.Socket != "" {
		in.Paths["collector_socket"] = c.Collector.Socket
	}
	for _, dir := range []string{"/proc", "/sys", "/sys/kernel/security", "/sys/kernel/config"} {
		var st unix.Statfs_t
		if unix.Statfs(filepath.Join(root, dir), &st) == nil {
			in.StatFS[dir] = uint64(uint32(st.Type)) // magic numbers have 32 bits (linux/magic.h)
		}
	}
	names, err := os.ReadDir(filepath.Join(root, "proc/self/ns"))
	if err != nil {
		return in
	}
	for _, n := range names[:min(len(names), attest.MaxKinds)] {
		if link, err := os.Readlink(filepath.Join(root, "proc/self/ns", n.Name())); err == nil {
			in.Namespaces[n.Name()] = attest.Clean(link)
		}
	}
	return in
}

// inodeOf names a file by device, inode and change time, which a writer cannot set.
func inodeOf(st os.FileInfo) string {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprint(s.Dev, s.Ino, s.Ctim.Sec, s.Ctim.Nsec)
}
