package main

import (
	"strconv"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// notAvailable is NVML_VALUE_NOT_AVAILABLE: no value, and never a huge one.
const notAvailable = ^uint64(0)

// processes reads the three lists. If one of them fails the whole is absent: a
// list that is short without saying so would hide an engine.
func (l *library) processes(h *handle) ([]gpu.Process, error) {
	a, d := &asker{library: l, handle: h}, h.device
	lists := []struct {
		kind string
		call func() ([]nvml.ProcessInfo, nvml.Return)
		name string
	}{
		{gpu.ProcessCompute, d.GetComputeRunningProcesses, "nvmlDeviceGetComputeRunningProcesses"},
		{gpu.ProcessGraphics, d.GetGraphicsRunningProcesses, "nvmlDeviceGetGraphicsRunningProcesses"},
		{gpu.ProcessMPS, d.GetMPSComputeRunningProcesses, "nvmlDeviceGetMPSComputeRunningProcesses"},
	}
	out := []gpu.Process{}
	for _, list := range lists {
		found := value(a, "processes", list.call, list.name+"_v3", list.name+"_v2", list.name)
		switch {
		case found != nil:
			out = append(out, a.processes(list.kind, *found)...)
		case list.kind != gpu.ProcessCompute && l.has(list.name+"_v3", list.name+"_v2", list.name) && a.forgive("processes"):
			// The driver says that this GPU has no graphics or no MPS, hence no such processes.
		default:
			return nil, a.err()
		}
	}
	return out, a.err()
}

func (a *asker) processes(kind string, list []nvml.ProcessInfo) []gpu.Process {
	var out []gpu.Process
	for _, p := range list {
		q := gpu.Process{Kind: kind, PID: uint64(p.Pid)}
		if p.UsedGpuMemory == notAvailable {
			at := "processes[" + kind + "," + strconv.FormatUint(q.PID, 10) + "].used_bytes"
			a.note(at, absent(attest.NotSupported, "NVML gives no memory for this process"))
		} else {
			q.UsedBytes = &p.UsedGpuMemory
		}
		out = append(out, q)
	}
	return out
}

// forgive takes back the last absence if it says that the thing does not exist.
func (a *asker) forgive(path string) bool {
	last := len(a.absent) - 1
	if last < 0 || a.absent[last].What != path || a.absent[last].Reason != attest.NotSupported {
		return false
	}
	a.absent = a.absent[:last]
	return true
}
