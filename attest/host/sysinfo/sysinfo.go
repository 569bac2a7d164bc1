// Package sysinfo reads operating system, CPU and memory for package host
// through gopsutil. It stands apart so that a verifier, which imports host for
// its types, links neither gopsutil nor its start-up reading of /proc.
//
// gopsutil looks for /proc, /sys and the rest where the environment says
// (HOST_PROC and its kin). An attester must not: whoever starts it would choose
// what it sees. So every root is set explicitly in the context, which takes
// precedence, and none is left empty, for an empty one falls back to the environment.
package sysinfo

import (
	"bufio"
	"bytes"
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v3/common"
	"github.com/shirou/gopsutil/v3/cpu"
	psutil "github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/internal/proc"
)

const maxRelease = 64 << 10

// Reader reads below Root, "/" on a real host. Kernel version, architecture and
// uptime come from system calls and are the running kernel's whatever Root is.
type Reader struct{ Root string }

// pin fixes gopsutil's directories.
func (r Reader) pin(ctx context.Context) context.Context {
	return context.WithValue(ctx, common.EnvKey, common.EnvMap{
		common.HostProcEnvKey: filepath.Join(r.Root, "proc"),
		common.HostSysEnvKey:  filepath.Join(r.Root, "sys"),
		common.HostEtcEnvKey:  filepath.Join(r.Root, "etc"),
		common.HostVarEnvKey:  filepath.Join(r.Root, "var"),
		common.HostRunEnvKey:  filepath.Join(r.Root, "run"),
		common.HostDevEnvKey:  filepath.Join(r.Root, "dev"),
		common.HostRootEnvKey: filepath.Join(r.Root, "/"),
	})
}

// Read fills host.Reader.System.
func (r Reader) Read(ctx context.Context) (*host.System, []attest.Absence) {
	ctx = r.pin(ctx)
	var absent proc.Absences
	s := &host.System{OS: runtime.GOOS}
	r.release(s, &absent)
	text := func(what string, to *string, f func() (string, error)) {
		v, err := f()
		if err != nil {
			absent.Err("system."+what, err)
			return
		}
		*to = attest.Clean(v)
	}
	text("kernel_version", &s.KernelVersion, func() (string, error) { return psutil.KernelVersionWithContext(ctx) })
	text("kernel_arch", &s.KernelArch, psutil.KernelArch)
	seconds := func(what string, to **uint64, f func(context.Context) (uint64, error)) {
		v, err := f(ctx)
		if err != nil {
			absent.Err("system."+what, err)
			return
		}
		v *= 1000
		*to = &v
	}
	seconds("boot_time_ms", &s.BootTimeMs, psutil.BootTimeWithContext)
	seconds("uptime_ms", &s.UptimeMs, psutil.UptimeWithContext)
	system, role, err := psutil.VirtualizationWithContext(ctx)
	if err != nil {
		absent.Err("system.virtualization", err)
	} else if system == "" {
		absent.Add("system.virtualization", attest.NotPresent, "gopsutil recognises none")
	}
	s.Virtualization, s.VirtRole = attest.Clean(system), attest.Clean(role)
	readCPU(ctx, s, &absent)
	readMemory(ctx, s, &absent)
	return s, absent.List()
}

// release reads os-release(5) itself: gopsutil's platform call runs
// /usr/bin/lsb_release on some hosts, and an attester starts no program it does not need.
func (r Reader) release(s *host.System, absent *proc.Absences) {
	b, err := proc.ReadFile(filepath.Join(r.Root, "etc/os-release"), maxRelease)
	if err != nil {
		absent.Err("system.platform", err)
		return
	}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		key, value, _ := strings.Cut(sc.Text(), "=")
		value = attest.Clean(strings.Trim(value, `"'`))
		switch key {
		case "ID":
			s.Platform = value
		case "VERSION_ID":
			s.PlatformVersion = value
		}
	}
	if s.Platform == "" {
		absent.Add("system.platform", attest.NotPresent, "os-release has no ID")
	}
	if s.PlatformVersion == "" {
		absent.Add("system.platform_version", attest.NotPresent, "os-release has no VERSION_ID")
	}
}

func readCPU(ctx context.Context, s *host.System, absent *proc.Absences) {
	infos, err := cpu.InfoWithContext(ctx)
	if err != nil {
		absent.Err("system.cpu", err)
		return
	}
	if len(infos) == 0 {
		absent.Add("system.cpu", attest.NotPresent, "cpuinfo lists no processor")
		return
	}
	sockets := map[string]bool{}
	for _, i := range infos {
		sockets[i.PhysicalID] = true
	}
	cores, err := cpu.CountsWithContext(ctx, false)
	if err != nil || cores <= 0 {
		absent.Add("system.cpu", attest.Failed, "number of cores: %v", err)
		return
	}
	s.CPU = &host.CPU{Model: attest.Clean(infos[0].ModelName), Vendor: attest.Clean(infos[0].VendorID),
		Sockets: uint64(len(sockets)), Cores: uint64(cores), Threads: uint64(len(infos))}
	if len(infos[0].Flags) == 0 || runtime.GOARCH != "amd64" {
		absent.Add("system.hypervisor", attest.NotSupported, "no CPUID flags on this architecture")
		return
	}
	below := slices.Contains(infos[0].Flags, "hypervisor")
	s.Hypervisor = &below
}

func readMemory(ctx context.Context, s *host.System, absent *proc.Absences) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		absent.Err("system.memory", err)
		return
	}
	if m.Total == 0 { // gopsutil hides that meminfo could not be read
		absent.Add("system.memory", attest.NotPresent, "meminfo states no total")
		return
	}
	s.Memory = &host.Memory{TotalBytes: m.Total, AvailableBytes: m.Available}
}
