package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// instead asks the older call for a field that nvmlDeviceGetFieldValues did not give.
func (r *reading) instead(d nvml.Device, f telemetry.Field, why error) {
	limits := func(pick func(low, high uint32) uint32) func() (int64, nvml.Return) {
		return func() (int64, nvml.Return) {
			low, high, ret := d.GetPowerManagementLimitConstraints()
			return int64(pick(low, high)), ret
		}
	}
	switch f {
	case telemetry.Energy:
		r.one(f, as(d.GetTotalEnergyConsumption), "nvmlDeviceGetTotalEnergyConsumption")
	case telemetry.AveragePower:
		r.one(f, as(d.GetPowerUsage), "nvmlDeviceGetPowerUsage")
	case telemetry.EnforcedLimit:
		r.one(f, as(d.GetEnforcedPowerLimit), "nvmlDeviceGetEnforcedPowerLimit")
	case telemetry.PowerLimit:
		r.one(f, as(d.GetPowerManagementLimit), "nvmlDeviceGetPowerManagementLimit")
	case telemetry.DefaultLimit:
		r.one(f, as(d.GetPowerManagementDefaultLimit), "nvmlDeviceGetPowerManagementDefaultLimit")
	case telemetry.MinLimit:
		r.one(f, limits(func(low, _ uint32) uint32 { return low }), "nvmlDeviceGetPowerManagementLimitConstraints")
	case telemetry.MaxLimit:
		r.one(f, limits(func(_, high uint32) uint32 { return high }), "nvmlDeviceGetPowerManagementLimitConstraints")
	default:
		if _, of := f.Link(); r.minute || !of.Info().Minute {
			r.note(f.String(), why)
		}
	}
}

// links counts the links once a minute, by asking for their states, as the snapshot
// does. A GPU without NVLink refuses the first.
func (r *reading) links(d nvml.Device) (n int) {
	if !r.minute {
		return 0
	}
	for n = range gpu.MaxLinks {
		if !r.may(telemetry.NVLinkActive.String(), "nvmlDeviceGetNvLinkState") {
			return 0
		}
		state, ret := d.GetNvLinkState(n)
		switch {
		case ret == nvml.ERROR_INVALID_ARGUMENT, ret == nvml.ERROR_NOT_SUPPORTED && n > 0:
			return n
		case ret != nvml.SUCCESS && n == 0:
			r.took(telemetry.NVLinkActive.String(), ret)
			return 0
		}
		f := telemetry.LinkField(n, telemetry.NVLinkActive)
		if r.took(f.String(), ret) {
			r.set(f, int64(state))
		}
	}
	return gpu.MaxLinks
}

func (r *reading) thermal(d nvml.Device) {
	signed := func(call func() (uint32, nvml.Return)) func() (int64, nvml.Return) {
		return func() (int64, nvml.Return) {
			v, ret := call()
			return int64(int32(v)), ret // unsigned in NVML, and a temperature
		}
	}
	threshold := func(f telemetry.Field, which nvml.TemperatureThresholds) {
		r.one(f, signed(func() (uint32, nvml.Return) { return d.GetTemperatureThreshold(which) }), "nvmlDeviceGetTemperatureThreshold")
	}
	r.one(telemetry.GPUTemperature, signed(func() (uint32, nvml.Return) { return d.GetTemperature(nvml.TEMPERATURE_GPU) }), "nvmlDeviceGetTemperature")
	r.one(telemetry.Margin, func() (int64, nvml.Return) {
		m, ret := d.GetMarginTemperature()
		return int64(m.MarginTemperature), ret
	}, "nvmlDeviceGetMarginTemperature")
	threshold(telemetry.Shutdown, nvml.TEMPERATURE_THRESHOLD_SHUTDOWN)
	threshold(telemetry.Slowdown, nvml.TEMPERATURE_THRESHOLD_SLOWDOWN)
	threshold(telemetry.MemoryMax, nvml.TEMPERATURE_THRESHOLD_MEM_MAX)
	threshold(telemetry.GPUMax, nvml.TEMPERATURE_THRESHOLD_GPU_MAX)
}

func (r *reading) state(d nvml.Device) {
	clock := func(f telemetry.Field, which nvml.ClockType) {
		r.one(f, as(func() (uint32, nvml.Return) { return d.GetClockInfo(which) }), "nvmlDeviceGetClockInfo")
	}
	clock(telemetry.GraphicsClock, nvml.CLOCK_GRAPHICS)
	clock(telemetry.SMClock, nvml.CLOCK_SM)
	clock(telemetry.MemoryClock, nvml.CLOCK_MEM)
	clock(telemetry.VideoClock, nvml.CLOCK_VIDEO)

	reasons := d.GetCurrentClocksEventReasons
	if !r.library.has("nvmlDeviceGetCurrentClocksEventReasons") {
		reasons = d.GetCurrentClocksThrottleReasons // the name before CUDA 12.2
	}
	r.one(telemetry.Reasons, as(reasons), "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")

	var use nvml.Utilization
	err := r.try(telemetry.GPUUtilisation, func() (ret nvml.Return) { use, ret = d.GetUtilizationRates(); return ret }, "nvmlDeviceGetUtilizationRates")
	if err != nil {
		r.lack(err, telemetry.GPUUtilisation, telemetry.MemoryUtilisation)
	} else {
		r.set(telemetry.GPUUtilisation, int64(use.Gpu))
		r.set(telemetry.MemoryUtilisation, int64(use.Memory))
	}
	r.one(telemetry.PerformanceState, func() (int64, nvml.Return) {
		p, ret := d.GetPerformanceState()
		if p == nvml.PSTATE_UNKNOWN && ret == nvml.SUCCESS {
			ret = nvml.ERROR_NOT_SUPPORTED
		}
		return int64(p), ret
	}, "nvmlDeviceGetPerformanceState")
	r.one(telemetry.PCIeGeneration, as(d.GetCurrPcieLinkGeneration), "nvmlDeviceGetCurrPcieLinkGeneration")
	r.one(telemetry.PCIeWidth, as(d.GetCurrPcieLinkWidth), "nvmlDeviceGetCurrPcieLinkWidth")
}
