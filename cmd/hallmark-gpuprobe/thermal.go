package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/gpu"
)

func (a *asker) temperature(d nvml.Device, f fields) gpu.Temperature {
	threshold := func(path string, which nvml.TemperatureThresholds) *int64 {
		return celsius(number(a, "temperature."+path, func() (uint32, nvml.Return) { return d.GetTemperatureThreshold(which) }, "nvmlDeviceGetTemperatureThreshold"))
	}
	return gpu.Temperature{
		GPU: celsius(number(a, "temperature.gpu_c", func() (uint32, nvml.Return) { return d.GetTemperature(nvml.TEMPERATURE_GPU) }, "nvmlDeviceGetTemperature")),

		Shutdown:  threshold("shutdown_c", nvml.TEMPERATURE_THRESHOLD_SHUTDOWN),
		Slowdown:  threshold("slowdown_c", nvml.TEMPERATURE_THRESHOLD_SLOWDOWN),
		MemoryMax: threshold("memory_max_c", nvml.TEMPERATURE_THRESHOLD_MEM_MAX),
		GPUMax:    threshold("gpu_max_c", nvml.TEMPERATURE_THRESHOLD_GPU_MAX),

		Memory:          f.signed(a, "temperature.memory_c", nvml.FI_DEV_MEMORY_TEMP),
		ShutdownTLimit:  f.signed(a, "temperature.shutdown_tlimit_c", nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT),
		SlowdownTLimit:  f.signed(a, "temperature.slowdown_tlimit_c", nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT),
		MemoryMaxTLimit: f.signed(a, "temperature.memory_max_tlimit_c", nvml.FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT),
		GPUMaxTLimit:    f.signed(a, "temperature.gpu_max_tlimit_c", nvml.FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT),
	}
}

// celsius reads NVML's unsigned temperatures as the signed ones they are.
func celsius(v *uint64) *int64 {
	if v == nil {
		return nil
	}
	c := int64(int32(uint32(*v)))
	return &c
}

func (a *asker) throttle(d nvml.Device, f fields) gpu.Throttle {
	reasons := d.GetCurrentClocksEventReasons
	if !a.library.has("nvmlDeviceGetCurrentClocksEventReasons") {
		reasons = d.GetCurrentClocksThrottleReasons // the name before CUDA 12.2
	}
	return gpu.Throttle{
		Reasons:      number(a, "throttle.reasons", reasons, "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"),
		SWPowerCap:   f.unsigned(a, "throttle.sw_power_cap_ns", nvml.FI_DEV_PERF_POLICY_POWER),
		Thermal:      f.unsigned(a, "throttle.thermal_ns", nvml.FI_DEV_PERF_POLICY_THERMAL),
		SyncBoost:    f.unsigned(a, "throttle.sync_boost_ns", nvml.FI_DEV_PERF_POLICY_SYNC_BOOST),
		BoardLimit:   f.unsigned(a, "throttle.board_limit_ns", nvml.FI_DEV_PERF_POLICY_BOARD_LIMIT),
		Reliability:  f.unsigned(a, "throttle.reliability_ns", nvml.FI_DEV_PERF_POLICY_RELIABILITY),
		SWThermal:    f.unsigned(a, "throttle.sw_thermal_ns", nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN),
		HWThermal:    f.unsigned(a, "throttle.hw_thermal_ns", nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN),
		HWPowerBrake: f.unsigned(a, "throttle.hw_power_brake_ns", nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN),
	}
}
