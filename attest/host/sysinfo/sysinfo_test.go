package sysinfo

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/host"
)

// fake writes a root whose memory and processors no real host has.
func fake(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"etc/os-release": "PRETTY_NAME=\"x\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n",
		"proc/meminfo":   "MemTotal:       12345 kB\nMemFree:         100 kB\nMemAvailable:   6789 kB\n",
		"proc/stat":      "cpu  1 2 3 4\nbtime 1600000000\n",
		"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Test CPU\nphysical id\t: 0\ncpu cores\t: 2\nflags\t\t: fpu hypervisor\n\n" +
			"processor\t: 1\nvendor_id\t: GenuineIntel\nmodel name\t: Test CPU\nphysical id\t: 1\ncpu cores\t: 2\nflags\t\t: fpu\n\n",
	} {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func redirect(t *testing.T, root string) {
	for key, dir := range map[string]string{"HOST_PROC": "proc", "HOST_SYS": "sys", "HOST_ETC": "etc", "HOST_VAR": "var", "HOST_RUN": "run", "HOST_DEV": "dev", "HOST_ROOT": ""} {
		t.Setenv(key, filepath.Join(root, dir))
	}
}

func check(t *testing.T, s *host.System) {
	t.Helper()
	if err := (&host.Claims{System: s}).Check(); err != nil {
		t.Fatal(err)
	}
}

// Whoever starts the agent sets its environment; it must not choose the host it sees.
func TestEnvironmentCannotRedirectReading(t *testing.T) {
	redirect(t, fake(t))
	s, absent := Reader{Root: "/"}.Read(t.Context())
	check(t, s)
	if s.Memory == nil || s.Memory.TotalBytes == 12345<<10 {
		t.Errorf("memory %+v read from the environment's tree", s.Memory)
	}
	if s.CPU == nil || s.CPU.Model == "Test CPU" {
		t.Errorf("cpu %+v read from the environment's tree; %v", s.CPU, absent)
	}
	if s.BootTimeMs == nil || *s.BootTimeMs == 1600000000_000 {
		t.Errorf("boot time %v read from the environment's tree", s.BootTimeMs)
	}
}

func TestReadsBelowGivenRoot(t *testing.T) {
	redirect(t, "/nonexistent")
	s, absent := Reader{Root: fake(t)}.Read(t.Context())
	check(t, s)
	if s.Platform != "ubuntu" || s.PlatformVersion != "22.04" || s.Memory == nil || s.Memory.TotalBytes != 12345<<10 || s.Memory.AvailableBytes != 6789<<10 {
		t.Errorf("%+v, %v", s, absent)
	}
	if want := (host.CPU{Model: "Test CPU", Vendor: "GenuineIntel", Sockets: 2, Cores: 4, Threads: 2}); s.CPU == nil || *s.CPU != want {
		t.Errorf("cpu %+v, %v", s.CPU, absent)
	}
	if runtime.GOARCH == "amd64" && (s.Hypervisor == nil || !*s.Hypervisor) {
		t.Errorf("hypervisor bit not read: %v", absent)
	}
}

func TestEmptyRootStatesAbsences(t *testing.T) {
	s, absent := Reader{Root: t.TempDir()}.Read(t.Context())
	check(t, s)
	seen := map[string]bool{}
	for _, a := range absent {
		seen[a.What] = true
	}
	for _, what := range []string{"system.platform", "system.cpu", "system.memory"} {
		if !seen[what] {
			t.Errorf("%s: neither stated nor absent", what)
		}
	}
	if s.CPU != nil || s.Memory != nil {
		t.Errorf("claims out of nothing: %+v", s)
	}
}
