package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// memory asks the newer call, which tells reserved memory apart, else the older.
func (r *reading) memory(d nvml.Device) {
	var v2 nvml.Memory_v2
	why := r.try(telemetry.MemoryReserved, func() (ret nvml.Return) { v2, ret = d.GetMemoryInfo_v2(); return ret }, "nvmlDeviceGetMemoryInfo_v2")
	if why == nil {
		r.set(telemetry.MemoryReserved, int64(v2.Reserved))
	} else {
		var v1 nvml.Memory
		r.lack(why, telemetry.MemoryReserved)
		err := r.try(telemetry.MemoryUsed, func() (ret nvml.Return) { v1, ret = d.GetMemoryInfo(); return ret }, "nvmlDeviceGetMemoryInfo")
		if err != nil {
			r.lack(err, telemetry.MemoryFree, telemetry.MemoryUsed)
			if r.minute {
				r.lack(err, telemetry.MemoryTotal)
			}
			return
		}
		v2.Total, v2.Free, v2.Used = v1.Total, v1.Free, v1.Used
	}
	if r.minute {
		r.set(telemetry.MemoryTotal, int64(v2.Total))
	}
	r.set(telemetry.MemoryFree, int64(v2.Free))
	r.set(telemetry.MemoryUsed, int64(v2.Used))
}

// compute lists the processes that compute on the GPU, each once: MIG lists a
// process for each of its instances.
func (r *reading) compute(d nvml.Device) {
	const name = "nvmlDeviceGetComputeRunningProcesses"
	list := value(&r.asker, "processes", d.GetComputeRunningProcesses, name+"_v3", name+"_v2", name)
	if list == nil {
		return
	}
	r.processes = joined(*list)
	if over := len(r.processes) - telemetry.MaxProcesses; over > 0 {
		r.processes = r.processes[:telemetry.MaxProcesses]
		r.note("processes", absent(attest.Oversize, "%d more processes", over))
	}
}

// joined sorts by pid and adds up the memory of one process. Memory that is not
// known for a part is not known for the whole.
func joined(list []nvml.ProcessInfo) []telemetry.Process {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b nvml.ProcessInfo) int { return cmp.Compare(a.Pid, b.Pid) })
	out := []telemetry.Process{}
	for i, p := range list {
		if i == 0 || list[i-1].Pid != p.Pid {
			used := uint64(0)
			out = append(out, telemetry.Process{PID: uint64(p.Pid), UsedBytes: &used})
		}
		last := &out[len(out)-1]
		switch {
		case last.UsedBytes == nil:
		case p.UsedGpuMemory > math.MaxInt64-*last.UsedBytes: // NVML_VALUE_NOT_AVAILABLE, or nonsense
			last.UsedBytes = nil
		default:
			*last.UsedBytes += p.UsedGpuMemory
		}
	}
	return out
}
