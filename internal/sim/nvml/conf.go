package nvml

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The simulated hosts.
const (
	H100 = "h100-sxm-8" // 8 x H100 SXM 80 GB on one HGX board, 18 NVLinks each to 4 switches
	A100 = "a100-sxm-4" // 4 x A100 SXM 80 GB, 12 NVLinks each to the 3 peers
	L40S = "l40s-2"     // 2 x L40S, no NVLink
)

// The modes of the library.
const (
	ModeOK              = "ok"
	ModeNotLoaded       = "not-loaded"
	ModeHang            = "hang"
	ModeNoDevices       = "no-devices"
	ModeVersionMismatch = "version-mismatch"
	ModeNoPermission    = "no-permission"
)

// Conf is what the library reads from the file beside it, when it is initialised
// and again whenever devices are counted. Zero values are: H100, ok, seed 1, idle.
type Conf struct {
	Profile     string
	Mode        string
	Seed        uint64 // 0 is written as 1
	Load        int    // percent: raises power, clocks, temperature, utilisation
	HangCall    string // this NVML function never returns
	CrashCall   string // this NVML function aborts the process
	Lost        *int   // this GPU has fallen off the bus; its address is still known
	LostHandle  *int   // this one does not even give a handle
	Name        string // what every GPU calls itself, in place of the model's name
	MemoryMiB   int    // in place of the model's memory
	PCIDeviceID uint16 // in place of the model's id
	Processes   []Process
}

// Process is one process that the library lists.
type Process struct {
	GPU   int
	PID   int
	Bytes uint64 // NotAvailable: the driver does not say
	Kind  string // "compute", "graphics" or "mps"
}

// NotAvailable is the memory of a process of which NVML gives none.
const NotAvailable = ^uint64(0)

// WriteConf writes c beside the library in dir. It replaces the file in one step,
// so a library that reads it meanwhile sees the old or the new one.
func WriteConf(dir string, c Conf) error {
	path := filepath.Join(dir, Soname+".conf")
	if err := os.WriteFile(path+".new", []byte(c.text()), 0o644); err != nil {
		return fmt.Errorf("fake nvml conf: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("fake nvml conf: %w", err)
	}
	return nil
}

func (c Conf) text() string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s=%s\n", key, strings.NewReplacer("\n", " ", "\r", " ").Replace(value))
		}
	}
	line("profile", c.Profile)
	line("mode", c.Mode)
	line("seed", fmt.Sprint(max(c.Seed, 1)))
	line("load", fmt.Sprint(c.Load))
	line("hang-call", c.HangCall)
	line("crash-call", c.CrashCall)
	line("name", c.Name)
	if c.Lost != nil {
		line("lost", fmt.Sprint(*c.Lost))
	}
	if c.LostHandle != nil {
		line("lost-handle", fmt.Sprint(*c.LostHandle))
	}
	if c.MemoryMiB != 0 {
		line("memory-mib", fmt.Sprint(c.MemoryMiB))
	}
	if c.PCIDeviceID != 0 {
		line("pci-device-id", fmt.Sprint(c.PCIDeviceID))
	}
	for _, p := range c.Processes {
		bytes := fmt.Sprint(p.Bytes)
		if p.Bytes == NotAvailable {
			bytes = "na"
		}
		line("process", fmt.Sprintf("%d,%d,%s,%s", p.GPU, p.PID, bytes, p.Kind))
	}
	return b.String()
}
