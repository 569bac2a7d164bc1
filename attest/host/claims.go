package host

import "github.com/hallmark-attest/hallmark/attest"

// Limits of this kind. A host beyond them states the rest as an absence.
const (
	MaxClaimsSize = 512 << 10 // one encoded Claims
	MaxPCI        = 1024
	MaxBARs       = 6 // type 0 header; the expansion ROM and the SR-IOV BARs are left out
	MaxRDMAPorts  = 256
	MaxGPUs       = 64
	MaxFileSize   = 16 << 30 // a library or kernel module
)

// Claims is what a host says of itself. docs/kinds/host.md describes each key.
type Claims struct {
	ObtainedAt   uint64           `cbor:"obtained_at"` // Unix milliseconds at the end of the reading
	How          string           `cbor:"how"`
	System       *System          `cbor:"system,omitempty"`
	PCI          []PCIDevice      `cbor:"pci"`  // sorted by address
	RDMA         []RDMAPort       `cbor:"rdma"` // sorted by device, then port
	DMI          *DMI             `cbor:"dmi,omitempty"`
	Kernel       Kernel           `cbor:"kernel"`
	NVIDIA       *NVIDIA          `cbor:"nvidia,omitempty"`
	NVMLLibrary  *MappedFile      `cbor:"nvml_library,omitempty"`  // as mapped by the GPU probe; set by the agent
	NVIDIAModule *NVIDIAModule    `cbor:"nvidia_module,omitempty"` // the loaded driver, and its file if the agent found it
	Absent       []attest.Absence `cbor:"absent,omitempty"`
}

// System is what gopsutil reports (package sysinfo).
type System struct {
	OS              string  `cbor:"os,omitempty"`               // "linux"
	Platform        string  `cbor:"platform,omitempty"`         // ID of os-release
	PlatformVersion string  `cbor:"platform_version,omitempty"` // VERSION_ID of os-release
	KernelVersion   string  `cbor:"kernel_version,omitempty"`   // uname -r
	KernelArch      string  `cbor:"kernel_arch,omitempty"`      // uname -m
	BootTimeMs      *uint64 `cbor:"boot_time_ms,omitempty"`     // Unix milliseconds, whole seconds
	UptimeMs        *uint64 `cbor:"uptime_ms,omitempty"`        // whole seconds
	Virtualization  string  `cbor:"virtualization,omitempty"`   // gopsutil's guess: "kvm", "docker", …
	VirtRole        string  `cbor:"virtualization_role,omitempty"`
	Hypervisor      *bool   `cbor:"hypervisor,omitempty"` // CPUID leaf 1 ECX bit 31 as the kernel prints it
	CPU             *CPU    `cbor:"cpu,omitempty"`
	Memory          *Memory `cbor:"memory,omitempty"`
}

// CPU counts what runs, not what the owner bought.
type CPU struct {
	Model   string `cbor:"model"`
	Vendor  string `cbor:"vendor"`
	Sockets uint64 `cbor:"sockets"`
	Cores   uint64 `cbor:"cores"`
	Threads uint64 `cbor:"threads"`
}

// Memory is the kernel's view.
type Memory struct {
	TotalBytes     uint64 `cbor:"total_bytes"`
	AvailableBytes uint64 `cbor:"available_bytes"`
}

// PCIDevice is one display, processing, network or NVIDIA device. Keys after
// Revision exist where the kernel offers the attribute for that device.
type PCIDevice struct {
	Address         string  `cbor:"address"` // "0000:19:00.0"
	Vendor          uint64  `cbor:"vendor_id"`
	Device          uint64  `cbor:"device_id"`
	SubsystemVendor *uint64 `cbor:"subsystem_vendor_id,omitempty"`
	SubsystemDevice *uint64 `cbor:"subsystem_device_id,omitempty"`
	Class           uint64  `cbor:"class"` // 24 bits: class, subclass, programming interface
	Revision        *uint64 `cbor:"revision,omitempty"`
	BARs            []BAR   `cbor:"bars"`
	LinkSpeedMTs    *uint64 `cbor:"link_speed_mts,omitempty"` // megatransfers per second and lane, now
	LinkSpeedMaxMTs *uint64 `cbor:"link_speed_max_mts,omitempty"`
	LinkWidth       *uint64 `cbor:"link_width,omitempty"` // lanes, now
	LinkWidthMax    *uint64 `cbor:"link_width_max,omitempty"`
	SRIOVTotalVFs   *uint64 `cbor:"sriov_total_vfs,omitempty"`
	SRIOVVFs        *uint64 `cbor:"sriov_vfs,omitempty"`
	PhysFn          string  `cbor:"physfn,omitempty"` // set: this is a virtual function of that device
	IOMMUGroup      *uint64 `cbor:"iommu_group,omitempty"`
	Driver          string  `cbor:"driver,omitempty"`
	NUMANode        *uint64 `cbor:"numa_node,omitempty"`
}

// BAR is one base address register that is in use.
type BAR struct {
	Index     uint64 `cbor:"index"`
	SizeBytes uint64 `cbor:"size_bytes"`
}

// RDMAPort is one port below /sys/class/infiniband.
type RDMAPort struct {
	Device    string  `cbor:"device"`
	Port      uint64  `cbor:"port"`
	Address   string  `cbor:"address,omitempty"`    // PCI address
	LinkLayer string  `cbor:"link_layer,omitempty"` // "InfiniBand" or "Ethernet" (RoCE)
	State     string  `cbor:"state,omitempty"`      // "ACTIVE"
	RateMbps  *uint64 `cbor:"rate_mbps,omitempty"`
	RateText  string  `cbor:"rate_text,omitempty"` // "400 Gb/sec (4X NDR)"
}

// DMI is what the firmware says of the board. Serials are left out unless asked for.
type DMI struct {
	SysVendor     string `cbor:"sys_vendor,omitempty"`
	ProductName   string `cbor:"product_name,omitempty"`
	BoardName     string `cbor:"board_name,omitempty"`
	BIOSVendor    string `cbor:"bios_vendor,omitempty"`
	BIOSVersion   string `cbor:"bios_version,omitempty"`
	BIOSDate      string `cbor:"bios_date,omitempty"`
	ChassisType   string `cbor:"chassis_type,omitempty"`
	ProductSerial string `cbor:"product_serial,omitempty"`
	BoardSerial   string `cbor:"board_serial,omitempty"`
	ChassisSerial string `cbor:"chassis_serial,omitempty"`
}

// Kernel is the state that says who else may change the kernel.
type Kernel struct {
	Lockdown        string  `cbor:"lockdown,omitempty"`           // "none", "integrity", "confidentiality"
	SigEnforce      *bool   `cbor:"module_sig_enforce,omitempty"` // unsigned modules are refused
	Taint           *uint64 `cbor:"taint,omitempty"`              // bit mask, kernel: admin-guide/tainted-kernels
	IMAPolicySHA256 []byte  `cbor:"ima_policy_sha256,omitempty"`  // of the policy text
	IMAPolicyRules  *uint64 `cbor:"ima_policy_rules,omitempty"`   // lines of it
	Cmdline         string  `cbor:"command_line,omitempty"`       // only where the operator allowed it
}
