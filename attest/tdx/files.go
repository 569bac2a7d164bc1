package tdx

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
