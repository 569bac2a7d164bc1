package telemetry

import (
	"fmt"
	"slices"
	"strconv"
)

// Field names one value of a GPU in a record. The number is part of the format:
// add, never renumber. A value of one NVLink has LinkField(link, field).
type Field uint32

// Sort says how a field's values are to be read.
type Sort string

const (
	Gauge   Sort = "gauge"   // now
	Counter Sort = "counter" // never falls, but for a driver that was loaded anew, or where it wraps
	Limit   Sort = "limit"   // a setting or threshold
	Bits    Sort = "bits"    // flags
)

// FieldInfo describes a field.
type FieldInfo struct {
	Field  Field
	Name   string // with the unit at its end
	Sort   Sort
	Minute bool   // read once a minute, else in every sweep
	Source string // the NVML call or field value
}

// The fields of this version. bp is a hundredth of a percent.
const (
	GPUTemperature    Field = 1
	MemoryTemperature Field = 2
	Margin            Field = 3
	ShutdownTLimit    Field = 4
	SlowdownTLimit    Field = 5
	MemoryMaxTLimit   Field = 6
	GPUMaxTLimit      Field = 7
	Shutdown          Field = 8
	Slowdown          Field = 9
	MemoryMax         Field = 10
	GPUMax            Field = 11

	GraphicsClock Field = 16
	SMClock       Field = 17
	MemoryClock   Field = 18
	VideoClock    Field = 19

	Reasons        Field = 24
	SWPowerCap     Field = 25
	Thermal        Field = 26
	SyncBoost      Field = 27
	BoardLimit     Field = 28
	LowUtilisation Field = 29
	Reliability    Field = 30
	AppClocks      Field = 31
	BaseClocks     Field = 32
	SWThermal      Field = 33
	HWThermal      Field = 34
	HWPowerBrake   Field = 35

	AveragePower  Field = 40
	InstantPower  Field = 41
	EnforcedLimit Field = 42
	PowerLimit    Field = 43
	DefaultLimit  Field = 44
	MinLimit      Field = 45
	MaxLimit      Field = 46
	Energy        Field = 47

	GPUUtilisation    Field = 56
	MemoryUtilisation Field = 57
	PerformanceState  Field = 58

	GPMGraphics  Field = 64
	GPMSM        Field = 65
	GPMOccupancy Field = 66
	GPMTensor    Field = 67
	GPMDRAM      Field = 68

	MemoryTotal    Field = 72
	MemoryReserved Field = 73
	MemoryFree     Field = 74
	MemoryUsed     Field = 75

	ECCSingleVolatile   Field = 80
	ECCDoubleVolatile   Field = 81
	ECCSingleAggregate  Field = 82
	ECCDoubleAggregate  Field = 83
	RemappedCorrectable Field = 84
	RemappedUncorrected Field = 85
	RemapPending        Field = 86
	RemapFailure        Field = 87
	PCIeReplays         Field = 96
	PCIeSent            Field = 97
	PCIeReceived        Field = 98
	PCIeGeneration      Field = 99
	PCIeWidth           Field = 100
	NVLinkSent          Field = 104
	NVLinkReceived      Field = 105
	NVLinkRawSent       Field = 106
	NVLinkRawReceived   Field = 107
	NVLinkReplays       Field = 108
	NVLinkRecoveries    Field = 109
	NVLinkCRCErrors     Field = 110
	NVLinkActive        Field = 111
	linkStep            Field = 1000
	maxLinks                  = 36
)

// LinkField is field of one NVLink, numbered from 0.
func LinkField(link int, f Field) Field { return linkStep*Field(link+1) + f }

// Link splits a field into the link it is of, -1 for the whole GPU, and the field.
func (f Field) Link() (link int, of Field) { return int(f/linkStep) - 1, f % linkStep }

// What nvml.h says beside a field, and a reader has to know:
//   - 185 averages over a second from Ampere on, but for GA100 (A100), which lacks it:
//     there the call in its stead tells the power of the moment.
//   - 190 is the limit in force, 192 the one asked for: the lower of several holds.
//   - 197 and 198 may wrap. A difference that is negative is no new driver.
//   - 138 to 141 count KiB; their scope is a link, or all links together.
//   - 161 to 163 are counted for each link alone, and end with Hopper.
//   - The scope of the power fields is the GPU, and not the module with its processor.
const (
	fieldValues = "nvmlDeviceGetFieldValues "
	sumOfLinks  = ", sum of all links, or of one"
)

var fields = []FieldInfo{
	{GPUTemperature, "gpu_c", Gauge, false, "nvmlDeviceGetTemperature"},
	{MemoryTemperature, "memory_c", Gauge, false, fieldValues + "82"},
	{Margin, "margin_c", Gauge, false, "nvmlDeviceGetMarginTemperature"},
	{ShutdownTLimit, "shutdown_tlimit_c", Limit, false, fieldValues + "193"},
	{SlowdownTLimit, "slowdown_tlimit_c", Limit, false, fieldValues + "194"},
	{MemoryMaxTLimit, "memory_max_tlimit_c", Limit, false, fieldValues + "195"},
	{GPUMaxTLimit, "gpu_max_tlimit_c", Limit, false, fieldValues + "196"},
	{Shutdown, "shutdown_c", Limit, true, "nvmlDeviceGetTemperatureThreshold"},
	{Slowdown, "slowdown_c", Limit, true, "nvmlDeviceGetTemperatureThreshold"},
	{MemoryMax, "memory_max_c", Limit, true, "nvmlDeviceGetTemperatureThreshold"},
	{GPUMax, "gpu_max_c", Limit, true, "nvmlDeviceGetTemperatureThreshold"},

	{GraphicsClock, "graphics_mhz", Gauge, false, "nvmlDeviceGetClockInfo"},
	{SMClock, "sm_mhz", Gauge, false, "nvmlDeviceGetClockInfo"},
	{MemoryClock, "memory_mhz", Gauge, false, "nvmlDeviceGetClockInfo"},
	{VideoClock, "video_mhz", Gauge, false, "nvmlDeviceGetClockInfo"},

	{Reasons, "throttle_reasons", Bits, false, "nvmlDeviceGetCurrentClocksEventReasons, before CUDA 12.2 nvmlDeviceGetCurrentClocksThrottleReasons"},
	{SWPowerCap, "sw_power_cap_ns", Counter, false, fieldValues + "74"},
	{Thermal, "thermal_ns", Counter, false, fieldValues + "75"},
	{SyncBoost, "sync_boost_ns", Counter, false, fieldValues + "76"},
	{BoardLimit, "board_limit_ns", Counter, false, fieldValues + "77"},
	{LowUtilisation, "low_utilisation_ns", Counter, false, fieldValues + "78"},
	{Reliability, "reliability_ns", Counter, false, fieldValues + "79"},
	{AppClocks, "app_clocks_ns", Counter, false, fieldValues + "80"},
	{BaseClocks, "base_clocks_ns", Counter, false, fieldValues + "81"},
	{SWThermal, "sw_thermal_ns", Counter, false, fieldValues + "269"},
	{HWThermal, "hw_thermal_ns", Counter, false, fieldValues + "270"},
	{HWPowerBrake, "hw_power_brake_ns", Counter, false, fieldValues + "271"},

	{AveragePower, "average_power_mw", Gauge, false, fieldValues + "185, else nvmlDeviceGetPowerUsage"},
	{InstantPower, "instant_power_mw", Gauge, false, fieldValues + "186"},
	{EnforcedLimit, "enforced_limit_mw", Limit, false, fieldValues + "190, else nvmlDeviceGetEnforcedPowerLimit"},
	{PowerLimit, "power_limit_mw", Limit, false, fieldValues + "192, else nvmlDeviceGetPowerManagementLimit"},
	{DefaultLimit, "default_limit_mw", Limit, true, fieldValues + "189, else nvmlDeviceGetPowerManagementDefaultLimit"},
	{MinLimit, "min_limit_mw", Limit, true, fieldValues + "187, else nvmlDeviceGetPowerManagementLimitConstraints"},
	{MaxLimit, "max_limit_mw", Limit, true, fieldValues + "188, else nvmlDeviceGetPowerManagementLimitConstraints"},
	{Energy, "energy_mj", Counter, false, fieldValues + "83, else nvmlDeviceGetTotalEnergyConsumption"},

	{GPUUtilisation, "gpu_percent", Gauge, false, "nvmlDeviceGetUtilizationRates"},
	{MemoryUtilisation, "memory_percent", Gauge, false, "nvmlDeviceGetUtilizationRates"},
	{PerformanceState, "performance_state", Gauge, false, "nvmlDeviceGetPerformanceState"},

	{GPMGraphics, "gpm_graphics_bp", Gauge, false, "nvmlGpmMetricsGet 1"},
	{GPMSM, "gpm_sm_bp", Gauge, false, "nvmlGpmMetricsGet 2"},
	{GPMOccupancy, "gpm_occupancy_bp", Gauge, false, "nvmlGpmMetricsGet 3"},
	{GPMTensor, "gpm_tensor_bp", Gauge, false, "nvmlGpmMetricsGet 5"},
	{GPMDRAM, "gpm_dram_bp", Gauge, false, "nvmlGpmMetricsGet 10"},

	{MemoryTotal, "total_bytes", Limit, true, "nvmlDeviceGetMemoryInfo_v2, else nvmlDeviceGetMemoryInfo"},
	{MemoryReserved, "reserved_bytes", Gauge, false, "nvmlDeviceGetMemoryInfo_v2"},
	{MemoryFree, "free_bytes", Gauge, false, "nvmlDeviceGetMemoryInfo_v2, else nvmlDeviceGetMemoryInfo"},
	{MemoryUsed, "used_bytes", Gauge, false, "nvmlDeviceGetMemoryInfo_v2, else nvmlDeviceGetMemoryInfo, which counts reserved memory as used"},

	{ECCSingleVolatile, "ecc_single_volatile", Counter, false, fieldValues + "3"},
	{ECCDoubleVolatile, "ecc_double_volatile", Counter, false, fieldValues + "4"},
	{ECCSingleAggregate, "ecc_single_aggregate", Counter, false, fieldValues + "5"},
	{ECCDoubleAggregate, "ecc_double_aggregate", Counter, false, fieldValues + "6"},
	{RemappedCorrectable, "remapped_rows_correctable", Counter, false, fieldValues + "142"},
	{RemappedUncorrected, "remapped_rows_uncorrectable", Counter, false, fieldValues + "143"},
	{RemapPending, "remap_pending", Bits, false, fieldValues + "144"},
	{RemapFailure, "remap_failure", Bits, false, fieldValues + "145"},

	{PCIeReplays, "pcie_replays", Counter, false, fieldValues + "94"},
	{PCIeSent, "pcie_sent_bytes", Counter, false, fieldValues + "197"},
	{PCIeReceived, "pcie_received_bytes", Counter, false, fieldValues + "198"},
	{PCIeGeneration, "pcie_generation", Gauge, false, "nvmlDeviceGetCurrPcieLinkGeneration"},
	{PCIeWidth, "pcie_width_lanes", Gauge, false, "nvmlDeviceGetCurrPcieLinkWidth"},
	{NVLinkSent, "nvlink_sent_kib", Counter, false, fieldValues + "138" + sumOfLinks},
	{NVLinkReceived, "nvlink_received_kib", Counter, false, fieldValues + "139" + sumOfLinks},
	{NVLinkRawSent, "nvlink_raw_sent_kib", Counter, false, fieldValues + "140" + sumOfLinks},
	{NVLinkRawReceived, "nvlink_raw_received_kib", Counter, false, fieldValues + "141" + sumOfLinks},
	{NVLinkReplays, "nvlink_replays", Counter, true, fieldValues + "161, each link alone"},
	{NVLinkRecoveries, "nvlink_recoveries", Counter, true, fieldValues + "162, each link alone"},
	{NVLinkCRCErrors, "nvlink_crc_errors", Counter, true, fieldValues + "163, each link alone"},
	{NVLinkActive, "nvlink_active", Gauge, true, "nvmlDeviceGetNvLinkState"},
}

var byField = func() map[Field]FieldInfo {
	m := make(map[Field]FieldInfo, len(fields))
	for _, f := range fields {
		m[f.Field] = f
	}
	return m
}()

// Fields lists the fields of this version by number.
func Fields() []FieldInfo { return slices.Clone(fields) }

// Info describes f, of a GPU or of one of its links. A field that this version does
// not know is a gauge named "field-N": a newer agent is read and not refused.
func (f Field) Info() FieldInfo {
	_, of := f.Link()
	if i, ok := byField[of]; ok {
		return i
	}
	return FieldInfo{Field: of, Name: "field-" + strconv.FormatUint(uint64(of), 10), Sort: Gauge}
}

// String is the field's name: "energy_mj", "link[3].nvlink_sent_kib".
func (f Field) String() string {
	if link, _ := f.Link(); link >= 0 {
		return fmt.Sprintf("link[%d].%s", link, f.Info().Name)
	}
	return f.Info().Name
}
