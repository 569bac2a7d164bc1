package main

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

func TestValuesOfEveryType(t *testing.T) {
	for _, c := range []struct {
		kind    uint32
		bits    uint64
		celsius bool
		want    int64
		reason  attest.Reason
	}{
		{typeUint, 0xFFFFFFFE, false, 0xFFFFFFFE, ""},
		{typeUint, 0xFFFFFFFE, true, -2, ""},
		{typeInt, 0xFFFFFFFE, false, -2, ""},
		{typeUlonglong, 1 << 40, false, 1 << 40, ""},
		{typeUlonglong, math.MaxUint64, false, -1, ""}, // set refuses it
		{typeUshort, 0xDEADFFFF, false, 0xFFFF, ""},
		{typeDouble, 1, false, 0, attest.NotSupported},
	} {
		v := nvml.FieldValue{ValueType: c.kind}
		binary.NativeEndian.PutUint64(v.Value[:], c.bits)
		got, err := number64(v, c.celsius)
		if err == nil && c.reason != "" || err != nil && gpu.AsAbsence(err).Reason != c.reason || got != c.want {
			t.Errorf("type %d: %d, %v, want %d, %q", c.kind, got, err, c.want, c.reason)
		}
	}
	if _, err := number64(nvml.FieldValue{NvmlReturn: uint32(nvml.ERROR_NO_PERMISSION)}, false); gpu.AsAbsence(err).Reason != attest.NotPermitted {
		t.Error(err)
	}
}

func TestNumbersOutOfRangeAreAbsences(t *testing.T) {
	r := &reading{}
	r.set(telemetry.Energy, -1)
	r.set(telemetry.LinkField(3, telemetry.NVLinkSent), -1)
	r.set(telemetry.Margin, -5)
	if len(r.got) != 1 || len(r.absent) != 2 || r.absent[1].What != "link[3].nvlink_sent_kib" || r.absent[0].Reason != attest.Failed {
		t.Errorf("%v, %v", r.got, r.absent)
	}
}

func TestRefusalsAreAskedAgainOnceAMinute(t *testing.T) {
	var r refusals
	r.note(telemetry.Energy, failure(nvml.ERROR_NOT_SUPPORTED))
	r.note(telemetry.Margin, failure(nvml.ERROR_UNKNOWN))
	if r.of(telemetry.Energy, false) == nil || r.of(telemetry.Energy, true) != nil || r.of(telemetry.Margin, false) != nil {
		t.Error(r)
	}
	if r.note(telemetry.Energy, nil); r.of(telemetry.Energy, false) != nil {
		t.Error("a field that answers is still refused")
	}
}

func TestMemoryOfOneProcessAddsUp(t *testing.T) {
	got := joined([]nvml.ProcessInfo{
		{Pid: 9, UsedGpuMemory: 5}, {Pid: 7, UsedGpuMemory: notAvailable}, {Pid: 9, UsedGpuMemory: 6},
		{Pid: 7, UsedGpuMemory: 1}, {Pid: 8, UsedGpuMemory: math.MaxInt64}, {Pid: 8, UsedGpuMemory: 1},
	})
	if len(got) != 3 || got[0].UsedBytes != nil || got[1].UsedBytes != nil || got[2].PID != 9 || *got[2].UsedBytes != 11 {
		t.Errorf("%+v", got)
	}
	if joined(nil) == nil {
		t.Error("none is not unknown")
	}
}

// TestEveryFieldIsAskedSomewhere compares what is asked with the format's own list.
func TestEveryFieldIsAskedSomewhere(t *testing.T) {
	elsewhere := []telemetry.Field{telemetry.GPUTemperature, telemetry.Margin, telemetry.Shutdown, telemetry.Slowdown, telemetry.MemoryMax,
		telemetry.GPUMax, telemetry.GraphicsClock, telemetry.SMClock, telemetry.MemoryClock, telemetry.VideoClock, telemetry.Reasons,
		telemetry.GPUUtilisation, telemetry.MemoryUtilisation, telemetry.PerformanceState, telemetry.MemoryTotal, telemetry.MemoryReserved,
		telemetry.MemoryFree, telemetry.MemoryUsed, telemetry.PCIeGeneration, telemetry.PCIeWidth, telemetry.NVLinkActive}
	for _, m := range gpmMetrics {
		elsewhere = append(elsewhere, m.field)
	}
	for _, q := range slices.Concat(gpuValues, linkValues) {
		elsewhere = append(elsewhere, q.field)
	}
	for _, f := range telemetry.Fields() {
		if !slices.Contains(elsewhere, f.Field) {
			t.Errorf("%s is never read", f.Name)
		}
	}
}
