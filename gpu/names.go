package gpu

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Set is a closed set of names for the codes of an NVML enumeration. A code that
// this version does not know is written "code-N", so a newer driver is reported
// and not refused: unknown is not guilty.
type Set struct {
	names map[uint32]string
	codes map[string]uint32
}

func set(names map[uint32]string) Set {
	s := Set{names: names, codes: make(map[string]uint32, len(names))}
	for code, n := range names {
		s.codes[n] = code
	}
	return s
}

// Name returns the name of code.
func (s Set) Name(code uint32) string {
	if n, ok := s.names[code]; ok {
		return n
	}
	return "code-" + strconv.FormatUint(uint64(code), 10)
}

// Has reports whether name is one that Name returns, and the only such spelling.
func (s Set) Has(name string) bool {
	if _, ok := s.codes[name]; ok {
		return true
	}
	digits, ok := strings.CutPrefix(name, "code-")
	if !ok {
		return false
	}
	code, err := strconv.ParseUint(digits, 10, 32)
	return err == nil && s.Name(uint32(code)) == name
}

// Names lists the known names in order.
func (s Set) Names() []string {
	return slices.Sorted(maps.Keys(s.codes))
}

// The enumerations of nvml.h that stand in claims as text.
var (
	Architecture = set(map[uint32]string{2: "kepler", 3: "maxwell", 4: "pascal", 5: "volta", 6: "turing",
		7: "ampere", 8: "ada", 9: "hopper", 10: "blackwell", 0xFFFFFFFF: "unknown"})
	Brand = set(map[uint32]string{0: "unknown", 1: "quadro", 2: "tesla", 3: "nvs", 4: "grid", 5: "geforce",
		6: "titan", 7: "nvidia-vapps", 8: "nvidia-vpc", 9: "nvidia-vcs", 10: "nvidia-vws",
		11: "nvidia-cloud-gaming", 12: "quadro-rtx", 13: "nvidia-rtx", 14: "nvidia", 15: "geforce-rtx", 16: "titan-rtx"})
	Virtualization = set(map[uint32]string{0: "none", 1: "passthrough", 2: "vgpu", 3: "host-vgpu", 4: "host-vsga"})
	LinkVersion    = set(map[uint32]string{0: "invalid", 1: "1.0", 2: "2.0", 3: "2.2", 4: "3.0", 5: "3.1", 6: "4.0", 7: "5.0"})
	RemoteType     = set(map[uint32]string{0: "gpu", 1: "npu", 2: "switch", 255: "unknown"})
	Ancestor       = set(map[uint32]string{0: "internal", 10: "single-switch", 20: "multiple-switches",
		30: "host-bridge", 40: "node", 50: "system"})
	P2PStatus = set(map[uint32]string{0: "ok", 1: "chipset-not-supported", 2: "gpu-not-supported",
		3: "topology-not-supported", 4: "disabled", 5: "not-supported", 6: "unknown"})
	FabricState  = set(map[uint32]string{0: "not-supported", 1: "not-started", 2: "in-progress", 3: "completed"})
	FabricHealth = set(map[uint32]string{0: "not-supported", 1: "healthy", 2: "unhealthy", 3: "limited-capacity"})

	CPUCapability = set(map[uint32]string{0: "none", 1: "amd-sev", 2: "intel-tdx", 3: "amd-sev-snp", 4: "amd-snp-vtom"})
	Environment   = set(map[uint32]string{0: "unavailable", 1: "simulation", 2: "production"})
	Feature       = set(map[uint32]string{0: "disabled", 1: "enabled"})
	MultiGPUMode  = set(map[uint32]string{0: "none", 1: "protected-pcie", 2: "nvlink-encryption"})
)
