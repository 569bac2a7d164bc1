package main

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/gpu"
)

// identity reads what does not change while the host runs. The address comes
// first: the driver knows it even of a GPU that fell off the bus.
func (l *library) identity(h *handle) (gpu.Identity, error) {
	a, d := &asker{library: l, handle: h}, h.device
	return gpu.Identity{
		PCI:               value(a, "pci", func() (gpu.PCI, nvml.Return) { return pci(d.GetPciInfo()) }, pciSymbols...),
		UUID:              text(a, "uuid", d.GetUUID, "nvmlDeviceGetUUID"),
		Serial:            text(a, "serial", d.GetSerial, "nvmlDeviceGetSerial"),
		Name:              text(a, "name", d.GetName, "nvmlDeviceGetName"),
		Brand:             named(a, "brand", gpu.Brand, d.GetBrand, "nvmlDeviceGetBrand"),
		Architecture:      named(a, "architecture", gpu.Architecture, d.GetArchitecture, "nvmlDeviceGetArchitecture"),
		ComputeCapability: text(a, "compute_capability", func() (string, nvml.Return) { return capability(d) }, "nvmlDeviceGetCudaComputeCapability"),
		BoardPartNumber:   text(a, "board_part_number", d.GetBoardPartNumber, "nvmlDeviceGetBoardPartNumber"),
		VBIOSVersion:      text(a, "vbios_version", d.GetVbiosVersion, "nvmlDeviceGetVbiosVersion"),
		InfoROMVersion:    text(a, "inforom_version", d.GetInforomImageVersion, "nvmlDeviceGetInforomImageVersion"),
		GSPFirmware:       text(a, "gsp_firmware_version", d.GetGspFirmwareVersion, "nvmlDeviceGetGspFirmwareVersion"),
		CUDACores:         number(a, "cuda_cores", d.GetNumGpuCores, "nvmlDeviceGetNumGpuCores"),
		MemoryBusBits:     number(a, "memory_bus_bits", d.GetMemoryBusWidth, "nvmlDeviceGetMemoryBusWidth"),
		BAR1TotalBytes:    number(a, "bar1_total_bytes", func() (uint64, nvml.Return) { return bar1(d) }, "nvmlDeviceGetBAR1MemoryInfo"),
	}, a.err()
}

var pciSymbols = []string{"nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"}

// pci takes NVML's numbers, not its text: spellings differ between releases.
func pci(p nvml.PciInfo, ret nvml.Return) (gpu.PCI, nvml.Return) {
	return gpu.PCI{
		Address:           gpu.Address(p.Domain, p.Bus, p.Device),
		VendorID:          uint64(p.PciDeviceId & 0xFFFF),
		DeviceID:          uint64(p.PciDeviceId >> 16),
		SubsystemVendorID: uint64(p.PciSubSystemId & 0xFFFF),
		SubsystemDeviceID: uint64(p.PciSubSystemId >> 16),
	}, ret
}

func capability(d nvml.Device) (string, nvml.Return) {
	major, minor, ret := d.GetCudaComputeCapability()
	return fmt.Sprintf("%d.%d", major, minor), ret
}

func bar1(d nvml.Device) (uint64, nvml.Return) {
	m, ret := d.GetBAR1MemoryInfo()
	return m.Bar1Total, ret
}
