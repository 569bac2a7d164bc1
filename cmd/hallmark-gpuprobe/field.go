package main

import (
	"encoding/binary"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
)

// wanted are the values asked in one call of nvmlDeviceGetFieldValues.
var wanted = []uint32{
	nvml.FI_DEV_MEMORY_TEMP,
	nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT, nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT,
	nvml.FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT, nvml.FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT,
	nvml.FI_DEV_PERF_POLICY_POWER, nvml.FI_DEV_PERF_POLICY_THERMAL, nvml.FI_DEV_PERF_POLICY_SYNC_BOOST,
	nvml.FI_DEV_PERF_POLICY_BOARD_LIMIT, nvml.FI_DEV_PERF_POLICY_RELIABILITY,
	nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN, nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN,
	nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN,
}

// fields holds the answers by id, or the reason why there are none.
type fields struct {
	values map[uint32]nvml.FieldValue
	err    error
}

// The types of a field's value: nvmlValueType_t.
const (
	typeDouble = iota
	typeUint
	typeUlong
	typeUlonglong
	typeSlonglong
	typeInt
	typeUshort
)

func (a *asker) fields(d nvml.Device) fields {
	list := make([]nvml.FieldValue, len(wanted))
	for i, id := range wanted {
		list[i].FieldId = id
	}
	return a.ask(d, list)
}

// ask makes one call for several values. Each value carries its own result, which
// is read only if the call as a whole succeeded.
func (a *asker) ask(d nvml.Device, list []nvml.FieldValue) fields {
	scratch := &asker{library: a.library, handle: a.handle}
	if !scratch.may("", "nvmlDeviceGetFieldValues") || !scratch.took("", d.GetFieldValues(list)) {
		return fields{err: &attest.AbsentError{Absence: scratch.absent[0]}}
	}
	f := fields{values: make(map[uint32]nvml.FieldValue, len(list))}
	for _, v := range list {
		f.values[v.FieldId] = v
	}
	return f
}

// signed returns a value as a signed number; nil, and noted, if there is none.
func (f fields) signed(a *asker, path string, id uint32) *int64 {
	if f.err != nil {
		a.note(path, f.err)
		return nil
	}
	v := f.values[id]
	if !a.took(path, nvml.Return(v.NvmlReturn)) {
		return nil
	}
	raw := binary.NativeEndian.Uint64(v.Value[:])
	var n int64
	switch v.ValueType {
	case typeUint, typeInt: // a margin may be told as either
		n = int64(int32(binary.NativeEndian.Uint32(v.Value[:])))
	case typeUlong, typeUlonglong, typeSlonglong:
		n = int64(raw)
	case typeUshort:
		n = int64(binary.NativeEndian.Uint16(v.Value[:]))
	default:
		a.note(path, absent(attest.NotSupported, "the driver gave a value of type %d", v.ValueType))
		return nil
	}
	return &n
}

// unsigned is signed for counters and speeds.
func (f fields) unsigned(a *asker, path string, id uint32) *uint64 {
	n := f.signed(a, path, id)
	if n == nil {
		return nil
	}
	u := uint64(*n)
	if f.values[id].ValueType == typeUint {
		u = uint64(uint32(*n))
	}
	if *n < 0 && f.values[id].ValueType != typeUint {
		a.note(path, absent(attest.Failed, "the driver gave a negative number"))
		return nil
	}
	return &u
}
