package gpu

import "github.com/hallmark-attest/hallmark/attest"

// How is what Claims.How says for claims that Snapshot made.
const How = "nvml"

// Claims is the body of a claim of kind "gpu": one deterministic CBOR map.
type Claims struct {
	ObtainedAt uint64 `cbor:"obtained_at"` // unix ms, when reading began
	How        string `cbor:"how"`
	System
	GPUs   []Device         `cbor:"gpu"`  // by PCI address; those without one last, by index
	Pairs  []Pair           `cbor:"pair"` // every unordered pair, by (A, B)
	Absent []attest.Absence `cbor:"absent,omitempty"`
}

// System is what the driver says of itself and of the whole host.
type System struct {
	DriverVersion *string             `cbor:"driver_version,omitempty"`
	NVMLVersion   *string             `cbor:"nvml_version,omitempty"`
	CUDAVersion   *string             `cbor:"cuda_version,omitempty"` // "12.8": the newest the driver supports
	Confidential  ConfidentialCompute `cbor:"confidential_compute"`
}

// ConfidentialCompute is the driver's account of confidential computing on this
// system. Without a signed GPU report it proves nothing.
type ConfidentialCompute struct {
	CPU         *string `cbor:"cpu,omitempty"`            // CPUCapability
	GPUCapable  *bool   `cbor:"gpu_capable,omitempty"`    // every GPU can
	Environment *string `cbor:"environment,omitempty"`    // Environment
	Feature     *string `cbor:"feature,omitempty"`        // "enabled" or "disabled"
	DevTools    *bool   `cbor:"dev_tools,omitempty"`      // true: protections are lowered for debugging
	MultiGPU    *string `cbor:"multi_gpu,omitempty"`      // MultiGPUMode
	Accepting   *bool   `cbor:"accepting_work,omitempty"` // GPUs were marked ready for clients
}

// Device is one GPU.
type Device struct {
	Index uint64 `cbor:"index"` // NVML's own order, which is not stable over reboots
	Identity
	State
	Interconnect
	Processes []Process `cbor:"processes,omitzero"` // by (kind, pid); nil: not known; empty: none
}

// Identity is what does not change while the host runs.
type Identity struct {
	PCI               *PCI    `cbor:"pci,omitempty"`
	UUID              *string `cbor:"uuid,omitempty"`
	Serial            *string `cbor:"serial,omitempty"` // boards with an InfoROM
	Name              *string `cbor:"name,omitempty"`
	Brand             *string `cbor:"brand,omitempty"`              // Brand
	Architecture      *string `cbor:"architecture,omitempty"`       // Architecture
	ComputeCapability *string `cbor:"compute_capability,omitempty"` // "9.0"
	BoardPartNumber   *string `cbor:"board_part_number,omitempty"`
	VBIOSVersion      *string `cbor:"vbios_version,omitempty"`
	InfoROMVersion    *string `cbor:"inforom_version,omitempty"`
	GSPFirmware       *string `cbor:"gsp_firmware_version,omitempty"`
	CUDACores         *uint64 `cbor:"cuda_cores,omitempty"`
	MemoryBusBits     *uint64 `cbor:"memory_bus_bits,omitempty"`
	BAR1TotalBytes    *uint64 `cbor:"bar1_total_bytes,omitempty"`
}

// PCI is where the GPU sits and which device it says it is (PCI Local Bus Specification, 6.2.1 and 6.2.4).
type PCI struct {
	Address           string `cbor:"address"` // "00000000:1b:00.0": domain, bus, device, function
	VendorID          uint64 `cbor:"vendor_id"`
	DeviceID          uint64 `cbor:"device_id"`
	SubsystemVendorID uint64 `cbor:"subsystem_vendor_id"`
	SubsystemDeviceID uint64 `cbor:"subsystem_device_id"`
}

// Pair is the way between two GPUs, named by their positions in Claims.GPUs, A < B.
type Pair struct {
	A              uint64  `cbor:"a"`
	B              uint64  `cbor:"b"`
	CommonAncestor *string `cbor:"common_ancestor,omitempty"` // Ancestor
	NVLinkP2P      *string `cbor:"nvlink_p2p,omitempty"`      // P2PStatus
}
