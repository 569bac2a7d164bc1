package main

// sweepSymbols is every NVML symbol that a sweep may call, and why. A sweep runs once
// a second on other people's hosts: nothing here changes what the driver does or how
// it is set, and nothing waits by design. symbols_test.go holds the code to it.
//
// Left out on purpose: nvmlDeviceGetPcieThroughput (blocks 20 ms; the counters 197 and
// 198 are free), nvmlDeviceGetSamples (sampled; counters miss nothing),
// nvmlDeviceGetViolationStatus (deprecated for the counters 74 to 81 and 269 to 271),
// nvmlGpmSetStreamingEnabled (sets).
var sweepSymbols = map[string]string{
	"nvmlDeviceGetFieldValues": "most values, in one call",

	"nvmlDeviceGetTemperature":          "no field value has the GPU's temperature",
	"nvmlDeviceGetMarginTemperature":    "margin to the slowdown, from R570",
	"nvmlDeviceGetTemperatureThreshold": "thresholds before Ada",

	"nvmlDeviceGetClockInfo":                    "clocks now",
	"nvmlDeviceGetCurrentClocksEventReasons":    "why clocks are low, now",
	"nvmlDeviceGetCurrentClocksThrottleReasons": "the same before CUDA 12.2",
	"nvmlDeviceGetUtilizationRates":             "share of time with any kernel",
	"nvmlDeviceGetPerformanceState":             "P-state",
	"nvmlDeviceGetCurrPcieLinkGeneration":       "falls when idle; with it a slot that is slow under load is seen",
	"nvmlDeviceGetCurrPcieLinkWidth":            "likewise",
	"nvmlDeviceGetNvLinkState":                  "counts the links, once a minute",

	"nvmlDeviceGetMemoryInfo_v2": "tells reserved memory apart",
	"nvmlDeviceGetMemoryInfo":    "where the former is missing",

	"nvmlDeviceGetTotalEnergyConsumption":          "where field 83 is missing",
	"nvmlDeviceGetPowerUsage":                      "where field 185 is missing",
	"nvmlDeviceGetEnforcedPowerLimit":              "where field 190 is missing",
	"nvmlDeviceGetPowerManagementLimit":            "where field 192 is missing",
	"nvmlDeviceGetPowerManagementDefaultLimit":     "where field 189 is missing",
	"nvmlDeviceGetPowerManagementLimitConstraints": "where fields 187 and 188 are missing",

	"nvmlDeviceGetComputeRunningProcesses_v3": "processes that compute",
	"nvmlDeviceGetComputeRunningProcesses_v2": "where the former is missing",
	"nvmlDeviceGetComputeRunningProcesses":    "where both are missing",

	"nvmlGpmQueryDeviceSupport": "whether there are activity counters",
	"nvmlGpmSampleAlloc":        "memory in this process, twice a GPU, kept",
	"nvmlGpmSampleGet":          "reads the activity counters",
	"nvmlGpmMetricsGet":         "subtracts two samples, in this process",
	"nvmlGpmSampleFree":         "before the library is shut down",

	"nvmlEventSetCreate":       "one set a GPU, kept",
	"nvmlDeviceRegisterEvents": "asks to be told of Xid errors; changes nothing for others",
	"nvmlEventSetWait_v2":      "polled: its time-out is 0",
	"nvmlEventSetWait":         "where the former is missing",
	"nvmlEventSetFree":         "before the library is shut down",

	"nvmlDeviceGetCount_v2":         "once a minute",
	"nvmlDeviceGetCount":            "where the former is missing",
	"nvmlDeviceGetHandleByIndex_v2": "once a minute",
	"nvmlDeviceGetHandleByIndex":    "where the former is missing",
	"nvmlDeviceGetPciInfo_v3":       "the key of a GPU, with its handle",
	"nvmlDeviceGetPciInfo_v2":       "where the former is missing",
	"nvmlDeviceGetPciInfo":          "where both are missing",
}
