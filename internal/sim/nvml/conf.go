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
// and again on the next call after the file changed: the time until that call went by
// the old one. Zero values are: H100, ok,
// seed 1, idle, still. The key of the file stands behind each field.
type Conf struct {
	Profile     string
	Mode        string
	Seed        uint64 // 0 is written as 1
	Load        int    // percent: raises power, clocks, temperature, utilisation
	HangCall    string // hang-call: this NVML function never returns; with HangGPU, for that GPU only
	CrashCall   string // this NVML function aborts the process
	Lost        *int   // this GPU has fallen off the bus; its address is still known
	LostHandle  *int   // this one does not even give a handle
	Name        string // what every GPU calls itself, in place of the model's name
	MemoryMiB   int    // in place of the model's memory
	PCIDeviceID uint16 // in place of the model's id
	Processes   []Process

	Motion
	Faults
}

// Motion makes the GPUs follow a load: any of Moving, LoadScript and LoadPID does.
// Seconds are the model's, counted from the epoch.
type Motion struct {
	Moving     bool        // moving: by the model, under the constant Load
	LoadScript []LoadPoint // load-script=SECONDS:PERCENT,...: straight lines between the points
	LoadStep   bool        // load-step: steps instead of lines
	LoadRepeat float64     // load-repeat: the script begins again after so many seconds
	LoadPID    int         // load-pid: the CPU use of this process; one core is 100 %
	LoadGPUs   []int       // load-gpus: only these GPUs follow the load; none: all
	// EpochMillis, epoch, is CLOCK_BOOTTIME of second 0; 0: when a process first initialised
	// the library. Two processes with one epoch and one script find one history.
	EpochMillis uint64
	TimeScale   float64 // time-scale: the model's time runs so many times faster
	ClockFile   string  // clock-file: the model's time is the number in this file, in milliseconds
	StateFile   string  // state-file: keeps the model's state, and epoch, over restarts of the process
	Ambient     *int    // ambient: air at the inlet in C, in place of the model's own, some 25
	Cooling     int     // cooling: percent of the heat sink's power; 0 is 100
	Xids        []Xid   // xid=GPU,CODE,SECONDS
}

// Faults are ways to be broken or dishonest.
type Faults struct {
	HangGPU     *int    // hang-gpu: every call with this GPU's handle hangs, or HangCall only
	HangSeconds float64 // hang-seconds: a hang ends after so long, of real time; 0: never
	CounterBack *Fault  // counter-back=GPU,SECONDS: energy falls by a quarter of its value, once
	Frozen      *Fault  // frozen=GPU,SECONDS: values stand still from then on
	// DriverReload, driver-reload, is when the driver is loaded anew: calls say "uninitialised"
	// until the library is initialised again, which fails for 2 s; counters begin at zero.
	// A second that is past when it is written is too late: it does not reach the counters.
	DriverReload *float64
	// FakeUtilisation, fake-utilisation, is what the utilisation rates say of GPUs that do nothing.
	FakeUtilisation *int
	NoPermission    string // no-permission: this NVML function is refused
	MIG             *int   // mig: this GPU is split up, and has no utilisation rates
}

// LoadPoint is one point of a load script; points lie in rising order.
type LoadPoint struct{ Second, Percent float64 }

// Now, as the moment of a fault or Xid, is when the library first reads it.
const Now = -1

// Fault is a fault of one GPU that begins at a second of the model.
type Fault struct {
	GPU    int
	Second float64
}

// Xid is one Xid event. With Now it is told to the event sets that were registered
// before the configuration said it.
type Xid struct {
	GPU    int
	Code   int
	Second float64
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
	c.Motion.write(line)
	c.Faults.write(line)
	for _, p := range c.Processes {
		bytes := fmt.Sprint(p.Bytes)
		if p.Bytes == NotAvailable {
			bytes = "na"
		}
		line("process", fmt.Sprintf("%d,%d,%s,%s", p.GPU, p.PID, bytes, p.Kind))
	}
	return b.String()
}
