package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// state reads what changes while the host runs.
func (l *library) state(h *handle) (gpu.State, error) {
	a, d := &asker{library: l, handle: h}, h.device
	f := a.fields(d)
	s := gpu.State{
		Memory:           a.memory(d),
		Temperature:      a.temperature(d, f),
		Clocks:           a.clocks(d),
		Power:            a.power(d),
		Throttle:         a.throttle(d, f),
		PerformanceState: a.performance(d),
		Utilisation:      a.utilisation(d),
		ECC:              a.mode("ecc_mode", func() (uint32, uint32, nvml.Return) { return both(d.GetEccMode()) }, "nvmlDeviceGetEccMode"),
		MIG:              a.mode("mig_mode", func() (uint32, uint32, nvml.Return) { return both(d.GetMigMode()) }, "nvmlDeviceGetMigMode"),
		Virtualization:   named(a, "virtualization", gpu.Virtualization, d.GetVirtualizationMode, "nvmlDeviceGetVirtualizationMode"),
		PCIe:             a.pcie(d),
	}
	return s, a.err()
}

// memory asks the newer call, which tells reserved memory apart, then the older.
func (a *asker) memory(d nvml.Device) *gpu.Memory {
	before := len(a.absent)
	v2 := value(a, "memory", d.GetMemoryInfo_v2, "nvmlDeviceGetMemoryInfo_v2")
	if v2 != nil {
		return &gpu.Memory{TotalBytes: v2.Total, ReservedBytes: &v2.Reserved, FreeBytes: v2.Free, UsedBytes: v2.Used}
	}
	why := a.absent[before]
	a.absent = a.absent[:before]
	v1 := value(a, "memory", d.GetMemoryInfo, "nvmlDeviceGetMemoryInfo")
	if v1 == nil {
		return nil
	}
	why.What = "memory.reserved_bytes"
	a.absent = append(a.absent, why)
	return &gpu.Memory{TotalBytes: v1.Total, FreeBytes: v1.Free, UsedBytes: v1.Used}
}

func (a *asker) performance(d nvml.Device) *uint64 {
	const unknown = 32 // NVML_PSTATE_UNKNOWN
	p := number(a, "performance_state", d.GetPerformanceState, "nvmlDeviceGetPerformanceState")
	if p != nil && *p == unknown {
		a.note("performance_state", absent(attest.NotSupported, "the driver does not know the performance state"))
		return nil
	}
	return p
}

func (a *asker) utilisation(d nvml.Device) *gpu.Usage {
	r := value(a, "utilisation", d.GetUtilizationRates, "nvmlDeviceGetUtilizationRates")
	if r == nil {
		return nil
	}
	return &gpu.Usage{GPU: uint64(r.Gpu), Memory: uint64(r.Memory)}
}

func (a *asker) mode(path string, call func() (uint32, uint32, nvml.Return), symbol string) *gpu.Mode {
	return value(a, path, func() (gpu.Mode, nvml.Return) {
		current, pending, ret := call()
		return gpu.Mode{Current: current != 0, Pending: pending != 0}, ret
	}, symbol)
}

// both turns the two switch types of go-nvml into one.
func both[T ~int | ~int32](current, pending T, ret nvml.Return) (uint32, uint32, nvml.Return) {
	return uint32(current), uint32(pending), ret
}

func (a *asker) pcie(d nvml.Device) gpu.PCIe {
	return gpu.PCIe{
		Generation:    number(a, "pcie_link.generation", d.GetCurrPcieLinkGeneration, "nvmlDeviceGetCurrPcieLinkGeneration"),
		MaxGeneration: number(a, "pcie_link.max_generation", d.GetMaxPcieLinkGeneration, "nvmlDeviceGetMaxPcieLinkGeneration"),
		Width:         number(a, "pcie_link.width_lanes", d.GetCurrPcieLinkWidth, "nvmlDeviceGetCurrPcieLinkWidth"),
		MaxWidth:      number(a, "pcie_link.max_width_lanes", d.GetMaxPcieLinkWidth, "nvmlDeviceGetMaxPcieLinkWidth"),
	}
}
