package tdx

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest/runlog"
)

// Platform is a confidential virtual machine that a hardware root signs for, as the agent needs it. Device is one;
// docs/decisions/0009 says what a second one would touch.
type Platform interface {
	// Detect returns nil where quotes can be had, else an *attest.AbsentError, or the error that kept it from finding out.
	Detect(ctx context.Context) error
	// Quote has the hardware sign report data.
	Quote(ctx context.Context, reportData [64]byte) ([]byte, error)
	// EventLog reads what the firmware measured, or returns an *attest.AbsentError.
	EventLog(ctx context.Context) (EventLog, error)
	// Register is where runtime events go, or an *attest.AbsentError.
	Register(ctx context.Context) (runlog.Register, error)
}

var _ Platform = (*Device)(nil)

// Files are the operations on /sys and /proc, by absolute name. internal/hw has the real ones.
type Files interface {
	// Read returns at most limit bytes from the beginning of a file.
	Read(name string, limit int) ([]byte, error)
	// Write writes to a file that exists, at offset 0 and by one system call.
	Write(name string, data []byte) error
	// Access returns nil for a file that is there and can be read or, with write, written. It does neither.
	Access(name string, write bool) error
}

// Names of the kernel's interfaces.
const (
	configfsDir     = "/sys/kernel/config"
	reportDir       = configfsDir + "/tsm/report"
	measurementsDir = "/sys/devices/virtual/misc/tdx_guest/measurements"
	eventTableFile  = "/sys/firmware/acpi/tables/CCEL"
	eventLogFile    = "/sys/firmware/acpi/tables/data/CCEL"
	cpuinfoFile     = "/proc/cpuinfo"
)
