package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
)

func absent(r attest.Reason, format string, args ...any) error {
	return &attest.AbsentError{Absence: attest.Absent("", r, format, args...)}
}

func missing(symbol string) error {
	return absent(attest.NotSupported, "symbol %s missing in this driver", symbol)
}

// initAbsent is why the whole kind is absent, with what to do about it.
func initAbsent(path string, ret nvml.Return) error {
	switch ret {
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return absent(attest.NotPresent, "%s cannot be loaded", path)
	case nvml.ERROR_DRIVER_NOT_LOADED, nvml.ERROR_UNINITIALIZED:
		return absent(attest.NotLoaded, "%s: load the nvidia kernel module", name(ret))
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return absent(attest.NotLoaded, "%s: library and kernel module are of different releases; reload the module or reboot", name(ret))
	case nvml.ERROR_NO_PERMISSION, nvml.ERROR_OPERATING_SYSTEM:
		return absent(attest.NotPermitted, "%s: the agent may not open /dev/nvidiactl or /dev/nvidia*", name(ret))
	case nvml.ERROR_NOT_FOUND, nvml.ERROR_GPU_NOT_FOUND:
		return absent(attest.NotPresent, "no NVIDIA device")
	}
	return failure(ret)
}

// failure is why one call gave no value. The text names no device, so equal
// failures of equal devices fold into one line.
func failure(ret nvml.Return) error {
	switch ret {
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_INVALID_ARGUMENT, nvml.ERROR_FUNCTION_NOT_FOUND,
		nvml.ERROR_ARGUMENT_VERSION_MISMATCH, nvml.ERROR_DEPRECATED, nvml.ERROR_VGPU_ECC_NOT_SUPPORTED:
		return absent(attest.NotSupported, "%s", name(ret))
	case nvml.ERROR_NO_PERMISSION, nvml.ERROR_OPERATING_SYSTEM:
		return absent(attest.NotPermitted, "%s", name(ret))
	case nvml.ERROR_NOT_FOUND, nvml.ERROR_NO_DATA:
		return absent(attest.NotPresent, "%s", name(ret))
	case nvml.ERROR_NOT_READY:
		return absent(attest.NotYet, "%s", name(ret))
	case nvml.ERROR_TIMEOUT:
		return absent(attest.Timeout, "%s", name(ret))
	}
	return absent(attest.Failed, "%s", name(ret))
}
