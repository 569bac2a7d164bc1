package main

import (
	"encoding/binary"
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// allLinks as scope gives the sum over all NVLinks, for the throughput counters
// alone (nvml.h, "NVLink throughput counters field values").
const allLinks = math.MaxUint32

// asked is one value of the call: a field of the record, NVML's id and its scope.
type asked struct {
	field     telemetry.Field
	id, scope uint32
}

// gpuValues are asked of a GPU as a whole. The scope of the power fields is 0: the
// GPU, and not the module with its processor (nvml.h, at 185).
var gpuValues = []asked{
	{telemetry.MemoryTemperature, nvml.FI_DEV_MEMORY_TEMP, 0},
	{telemetry.ShutdownTLimit, nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT, 0},
	{telemetry.SlowdownTLimit, nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT, 0},
	{telemetry.MemoryMaxTLimit, nvml.FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT, 0},
	{telemetry.GPUMaxTLimit, nvml.FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT, 0},
	{telemetry.SWPowerCap, nvml.FI_DEV_PERF_POLICY_POWER, 0},
	{telemetry.Thermal, nvml.FI_DEV_PERF_POLICY_THERMAL, 0},
	{telemetry.SyncBoost, nvml.FI_DEV_PERF_POLICY_SYNC_BOOST, 0},
	{telemetry.BoardLimit, nvml.FI_DEV_PERF_POLICY_BOARD_LIMIT, 0},
	{telemetry.LowUtilisation, nvml.FI_DEV_PERF_POLICY_LOW_UTILIZATION, 0},
	{telemetry.Reliability, nvml.FI_DEV_PERF_POLICY_RELIABILITY, 0},
	{telemetry.AppClocks, nvml.FI_DEV_PERF_POLICY_TOTAL_APP_CLOCKS, 0},
	{telemetry.BaseClocks, nvml.FI_DEV_PERF_POLICY_TOTAL_BASE_CLOCKS, 0},
	{telemetry.SWThermal, nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, 0},
	{telemetry.HWThermal, nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN, 0},
	{telemetry.HWPowerBrake, nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN, 0},
	{telemetry.AveragePower, nvml.FI_DEV_POWER_AVERAGE, 0},
	{telemetry.InstantPower, nvml.FI_DEV_POWER_INSTANT, 0},
	{telemetry.EnforcedLimit, nvml.FI_DEV_POWER_CURRENT_LIMIT, 0},
	{telemetry.PowerLimit, nvml.FI_DEV_POWER_REQUESTED_LIMIT, 0},
	{telemetry.DefaultLimit, nvml.FI_DEV_POWER_DEFAULT_LIMIT, 0},
	{telemetry.MinLimit, nvml.FI_DEV_POWER_MIN_LIMIT, 0},
	{telemetry.MaxLimit, nvml.FI_DEV_POWER_MAX_LIMIT, 0},
	{telemetry.Energy, nvml.FI_DEV_TOTAL_ENERGY_CONSUMPTION, 0},
	{telemetry.ECCSingleVolatile, nvml.FI_DEV_ECC_SBE_VOL_TOTAL, 0},
	{telemetry.ECCDoubleVolatile, nvml.FI_DEV_ECC_DBE_VOL_TOTAL, 0},
	{telemetry.ECCSingleAggregate, nvml.FI_DEV_ECC_SBE_AGG_TOTAL, 0},
	{telemetry.ECCDoubleAggregate, nvml.FI_DEV_ECC_DBE_AGG_TOTAL, 0},
	{telemetry.RemappedCorrectable, nvml.FI_DEV_REMAPPED_COR, 0},
	{telemetry.RemappedUncorrected, nvml.FI_DEV_REMAPPED_UNC, 0},
	{telemetry.RemapPending, nvml.FI_DEV_REMAPPED_PENDING, 0},
	{telemetry.RemapFailure, nvml.FI_DEV_REMAPPED_FAILURE, 0},
	{telemetry.PCIeReplays, nvml.FI_DEV_PCIE_REPLAY_COUNTER, 0},
	{telemetry.PCIeSent, nvml.FI_DEV_PCIE_COUNT_TX_BYTES, 0},
	{telemetry.PCIeReceived, nvml.FI_DEV_PCIE_COUNT_RX_BYTES, 0},
	{telemetry.NVLinkSent, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, allLinks},
	{telemetry.NVLinkReceived, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, allLinks},
	{telemetry.NVLinkRawSent, nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_TX, allLinks},
	{telemetry.NVLinkRawReceived, nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_RX, allLinks},
}

// linkValues are asked of each link, once a minute.
var linkValues = []asked{
	{telemetry.NVLinkSent, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 0},
	{telemetry.NVLinkReceived, nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, 0},
	{telemetry.NVLinkRawSent, nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_TX, 0},
	{telemetry.NVLinkRawReceived, nvml.FI_DEV_NVLINK_THROUGHPUT_RAW_RX, 0},
	{telemetry.NVLinkReplays, nvml.FI_DEV_NVLINK_ERROR_DL_REPLAY, 0},
	{telemetry.NVLinkRecoveries, nvml.FI_DEV_NVLINK_ERROR_DL_RECOVERY, 0},
	{telemetry.NVLinkCRCErrors, nvml.FI_DEV_NVLINK_ERROR_DL_CRC, 0},
}

// fieldValues makes the sweep's one call of nvmlDeviceGetFieldValues. What it does
// not give, and another call does, is asked there.
func (r *reading) fieldValues(d nvml.Device, links int) {
	var list []asked
	for _, q := range gpuValues {
		if err := r.watch.values.of(q.field, r.minute); err != nil {
			r.instead(d, q.field, err)
		} else if r.minute || !q.field.Info().Minute {
			list = append(list, q)
		}
	}
	for n := range links {
		for _, q := range linkValues {
			list = append(list, asked{telemetry.LinkField(n, q.field), q.id, uint32(n)})
		}
	}
	if len(list) == 0 {
		return
	}
	values := make([]nvml.FieldValue, len(list))
	for i, q := range list {
		values[i].FieldId, values[i].ScopeId = q.id, q.scope
	}
	scratch := &asker{library: r.library, handle: r.handle}
	var whole error
	if !scratch.may("", "nvmlDeviceGetFieldValues") || !scratch.took("", d.GetFieldValues(values)) {
		whole = &attest.AbsentError{Absence: scratch.absent[0]}
	}
	for i, q := range list {
		v, err := int64(0), whole
		if err == nil {
			v, err = number64(values[i], q.field <= telemetry.GPUMax)
		}
		r.watch.values.note(q.field, err)
		if err != nil {
			r.instead(d, q.field, err)
			continue
		}
		r.set(q.field, v)
	}
}

// number64 decodes one value. Temperatures are signed whichever type says so.
func number64(v nvml.FieldValue, celsius bool) (int64, error) {
	if ret := nvml.Return(v.NvmlReturn); ret != nvml.SUCCESS {
		return 0, failure(ret)
	}
	low := binary.NativeEndian.Uint32(v.Value[:])
	switch v.ValueType {
	case typeUint:
		if celsius {
			return int64(int32(low)), nil
		}
		return int64(low), nil
	case typeInt:
		return int64(int32(low)), nil
	case typeUlong, typeUlonglong, typeSlonglong:
		return int64(binary.NativeEndian.Uint64(v.Value[:])), nil
	case typeUshort:
		return int64(binary.NativeEndian.Uint16(v.Value[:])), nil
	}
	return 0, absent(attest.NotSupported, "the driver gave a value of type %d", v.ValueType)
}
