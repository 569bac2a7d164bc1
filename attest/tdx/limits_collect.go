package tdx

// Limits of the asking side, bytes unless stated. They hold on both sides: a node never sends what a verifier would refuse for its size.
const (
	// MaxBlob bounds what the driver returns, padding included; the kernel's buffer for it had 8 KiB and has 128 since (drivers/virt/coco/tdx-guest).
	MaxBlob = 128 << 10
	// MaxQuote bounds the quote within: the verifier's limit.
	MaxQuote = 16 << 10
	// MaxEventTable bounds the ACPI table CCEL; it has 56 bytes.
	MaxEventTable = 256
	// MaxEventLog bounds the firmware's event log with its padding; OVMF makes 64 KiB.
	MaxEventLog = 1 << 20
	// MaxClaims bounds the encoded claims of kind "tdx".
	MaxClaims = 32 << 10

	maxDigests = 16      // elements: of one event of the log
	maxLeft    = 16      // elements: entries that could not be removed
	maxCPUInfo = 8 << 10 // of /proc/cpuinfo, which holds the flags of the first processor
)
