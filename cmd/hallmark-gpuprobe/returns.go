package main

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// returns are the names of nvmlReturn_t that a read can meet. The library's own
// nvmlErrorString is not asked: its wording differs between releases, and a fixed
// one lets absences of several hosts be compared.
var returns = map[nvml.Return]string{
	nvml.ERROR_UNINITIALIZED: "uninitialized", nvml.ERROR_INVALID_ARGUMENT: "invalid argument",
	nvml.ERROR_NOT_SUPPORTED: "not supported", nvml.ERROR_NO_PERMISSION: "no permission",
	nvml.ERROR_NOT_FOUND: "not found", nvml.ERROR_INSUFFICIENT_SIZE: "insufficient size",
	nvml.ERROR_INSUFFICIENT_POWER: "insufficient power", nvml.ERROR_DRIVER_NOT_LOADED: "driver not loaded",
	nvml.ERROR_TIMEOUT: "timeout", nvml.ERROR_IRQ_ISSUE: "interrupt issue",
	nvml.ERROR_FUNCTION_NOT_FOUND: "function not found", nvml.ERROR_CORRUPTED_INFOROM: "corrupted infoROM",
	nvml.ERROR_GPU_IS_LOST: "GPU is lost", nvml.ERROR_RESET_REQUIRED: "GPU reset required",
	nvml.ERROR_OPERATING_SYSTEM: "blocked by the operating system", nvml.ERROR_LIB_RM_VERSION_MISMATCH: "driver and library versions differ",
	nvml.ERROR_IN_USE: "in use", nvml.ERROR_MEMORY: "out of memory", nvml.ERROR_NO_DATA: "no data",
	nvml.ERROR_ARGUMENT_VERSION_MISMATCH: "argument version not supported", nvml.ERROR_DEPRECATED: "deprecated",
	nvml.ERROR_NOT_READY: "not ready", nvml.ERROR_GPU_NOT_FOUND: "GPU not found", nvml.ERROR_INVALID_STATE: "invalid state",
	nvml.ERROR_UNKNOWN: "unknown driver error",
}

// name writes a return value with its number, which documentation and logs use.
func name(ret nvml.Return) string {
	if n, ok := returns[ret]; ok {
		return fmt.Sprintf("NVML %d: %s", int(ret), n)
	}
	return fmt.Sprintf("NVML %d", int(ret))
}
