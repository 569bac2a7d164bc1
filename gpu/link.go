package gpu

// Interconnect is a GPU's NVLinks and its place in an NVLink fabric.
type Interconnect struct {
	Links  []Link  `cbor:"nvlink,omitzero"` // by number; nil: not known or not offered; empty: none
	Fabric *Fabric `cbor:"fabric,omitempty"`
}

// Link is one NVLink. What hangs on its far end is what the driver says; only the
// signed reports of protected multi-GPU mode prove it.
type Link struct {
	Number     uint64  `cbor:"link"`
	Active     *bool   `cbor:"active,omitempty"`
	Version    *string `cbor:"version,omitempty"`     // LinkVersion
	RemoteType *string `cbor:"remote_type,omitempty"` // RemoteType
	RemotePCI  *string `cbor:"remote_pci,omitempty"`  // address, as in PCI
	Speed      *uint64 `cbor:"speed_mbytes_per_s,omitempty"`
}

// Fabric is the registration with the fabric manager (Hopper and later).
type Fabric struct {
	State      string  `cbor:"state"`        // FabricState
	Status     uint64  `cbor:"status"`       // nvmlReturn of the registration, 0 is success
	Cluster    string  `cbor:"cluster_uuid"` // 32 hex digits
	Clique     uint64  `cbor:"clique_id"`
	HealthMask uint64  `cbor:"health_mask"`
	Health     *string `cbor:"health,omitempty"` // FabricHealth, of newer drivers
}

// Process is a process that holds a context on the GPU, by the PID of the host.
// A process in two lists stands here twice, once for each kind.
type Process struct {
	Kind      string  `cbor:"kind"` // ProcessCompute, ProcessGraphics, ProcessMPS
	PID       uint64  `cbor:"pid"`
	UsedBytes *uint64 `cbor:"used_bytes,omitempty"` // NVML gives none under some drivers and modes
}

// The kinds of Process.
const (
	ProcessCompute  = "compute"
	ProcessGraphics = "graphics"
	ProcessMPS      = "mps"
)
