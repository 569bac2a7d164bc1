package main

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/gpu"
)

// System reads what the driver says of itself.
func (l *library) System() (gpu.System, error) {
	a := &asker{library: l}
	s := gpu.System{
		DriverVersion: text(a, "driver_version", l.nvml.SystemGetDriverVersion, "nvmlSystemGetDriverVersion"),
		NVMLVersion:   text(a, "nvml_version", l.nvml.SystemGetNVMLVersion, "nvmlSystemGetNVMLVersion"),
		CUDAVersion:   text(a, "cuda_version", l.cudaVersion, "nvmlSystemGetCudaDriverVersion_v2"),
	}
	s.Confidential = l.confidential(a)
	return s, a.err()
}

// cudaVersion turns 12080 into "12.8".
func (l *library) cudaVersion() (string, nvml.Return) {
	v, ret := l.nvml.SystemGetCudaDriverVersion_v2()
	return fmt.Sprintf("%d.%d", v/1000, v%1000/10), ret
}

func (l *library) confidential(a *asker) gpu.ConfidentialCompute {
	var c gpu.ConfidentialCompute
	const at = "confidential_compute"
	caps := value(a, at+".cpu", l.nvml.SystemGetConfComputeCapabilities, "nvmlSystemGetConfComputeCapabilities")
	if caps != nil {
		c.CPU, c.GPUCapable = ptr(gpu.CPUCapability.Name(caps.CpuCaps)), ptr(caps.GpusCaps != 0)
	} else {
		a.again(at + ".gpu_capable")
	}
	state := value(a, at+".environment", l.nvml.SystemGetConfComputeState, "nvmlSystemGetConfComputeState")
	if state != nil {
		c.Environment, c.Feature = ptr(gpu.Environment.Name(state.Environment)), ptr(gpu.Feature.Name(state.CcFeature))
		c.DevTools = ptr(state.DevToolsMode != 0)
	} else {
		a.again(at+".feature", at+".dev_tools")
	}
	settings := value(a, at+".multi_gpu", l.nvml.SystemGetConfComputeSettings, "nvmlSystemGetConfComputeSettings")
	if settings != nil {
		c.MultiGPU = ptr(gpu.MultiGPUMode.Name(settings.MultiGpuMode))
	}
	accepting := value(a, at+".accepting_work", l.nvml.SystemGetConfComputeGpusReadyState, "nvmlSystemGetConfComputeGpusReadyState")
	if accepting != nil {
		c.Accepting = ptr(*accepting != 0)
	}
	return c
}

// again notes, for values of the call that just failed, the same reason.
func (a *asker) again(paths ...string) {
	last := a.absent[len(a.absent)-1]
	for _, p := range paths {
		last.What = p
		a.absent = append(a.absent, last)
	}
}

func ptr[T any](v T) *T { return &v }
