package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/gpu"
)

func (a *asker) clocks(d nvml.Device) gpu.Clocks {
	current := func(path string, which nvml.ClockType) *uint64 {
		return number(a, "clocks."+path, func() (uint32, nvml.Return) { return d.GetClockInfo(which) }, "nvmlDeviceGetClockInfo")
	}
	highest := func(path string, which nvml.ClockType) *uint64 {
		return number(a, "clocks."+path, func() (uint32, nvml.Return) { return d.GetMaxClockInfo(which) }, "nvmlDeviceGetMaxClockInfo")
	}
	return gpu.Clocks{
		Graphics:    current("graphics_mhz", nvml.CLOCK_GRAPHICS),
		SM:          current("sm_mhz", nvml.CLOCK_SM),
		Memory:      current("memory_mhz", nvml.CLOCK_MEM),
		Video:       current("video_mhz", nvml.CLOCK_VIDEO),
		MaxGraphics: highest("max_graphics_mhz", nvml.CLOCK_GRAPHICS),
		MaxSM:       highest("max_sm_mhz", nvml.CLOCK_SM),
		MaxMemory:   highest("max_memory_mhz", nvml.CLOCK_MEM),
		MaxVideo:    highest("max_video_mhz", nvml.CLOCK_VIDEO),
	}
}

func (a *asker) power(d nvml.Device) gpu.Power {
	p := gpu.Power{
		Usage:         number(a, "power.usage_mw", d.GetPowerUsage, "nvmlDeviceGetPowerUsage"),
		EnforcedLimit: number(a, "power.enforced_limit_mw", d.GetEnforcedPowerLimit, "nvmlDeviceGetEnforcedPowerLimit"),
		Limit:         number(a, "power.limit_mw", d.GetPowerManagementLimit, "nvmlDeviceGetPowerManagementLimit"),
		DefaultLimit:  number(a, "power.default_limit_mw", d.GetPowerManagementDefaultLimit, "nvmlDeviceGetPowerManagementDefaultLimit"),
		Energy:        number(a, "power.energy_mj", d.GetTotalEnergyConsumption, "nvmlDeviceGetTotalEnergyConsumption"),
	}
	type band struct{ low, high uint64 }
	b := value(a, "power.min_limit_mw", func() (band, nvml.Return) {
		low, high, ret := d.GetPowerManagementLimitConstraints()
		return band{uint64(low), uint64(high)}, ret
	}, "nvmlDeviceGetPowerManagementLimitConstraints")
	if b == nil {
		a.again("power.max_limit_mw")
		return p
	}
	p.MinLimit, p.MaxLimit = &b.low, &b.high
	return p
}
