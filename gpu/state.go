package gpu

// State is what changes while the host runs.
type State struct {
	Memory           *Memory     `cbor:"memory,omitempty"`
	Temperature      Temperature `cbor:"temperature"`
	Clocks           Clocks      `cbor:"clocks"`
	Power            Power       `cbor:"power"`
	Throttle         Throttle    `cbor:"throttle"`
	PerformanceState *uint64     `cbor:"performance_state,omitempty"` // 0 fastest, 15 slowest
	Utilisation      *Usage      `cbor:"utilisation,omitempty"`
	ECC              *Mode       `cbor:"ecc_mode,omitempty"`
	MIG              *Mode       `cbor:"mig_mode,omitempty"`
	Virtualization   *string     `cbor:"virtualization,omitempty"` // Virtualization
	PCIe             PCIe        `cbor:"pcie_link"`
}

// Memory is the frame buffer. Reserved is what driver and firmware keep; it is
// offered by nvmlDeviceGetMemoryInfo_v2 only, and the older call counts it as used.
type Memory struct {
	TotalBytes    uint64  `cbor:"total_bytes"`
	ReservedBytes *uint64 `cbor:"reserved_bytes,omitempty"`
	FreeBytes     uint64  `cbor:"free_bytes"`
	UsedBytes     uint64  `cbor:"used_bytes"`
}

// Temperature is readings and thresholds in degrees Celsius. Since Ada the
// thresholds are given as T.limit margins (signed) in place of absolute values.
type Temperature struct {
	GPU             *int64 `cbor:"gpu_c,omitempty"`
	Memory          *int64 `cbor:"memory_c,omitempty"`
	Shutdown        *int64 `cbor:"shutdown_c,omitempty"`
	Slowdown        *int64 `cbor:"slowdown_c,omitempty"`
	MemoryMax       *int64 `cbor:"memory_max_c,omitempty"`
	GPUMax          *int64 `cbor:"gpu_max_c,omitempty"`
	ShutdownTLimit  *int64 `cbor:"shutdown_tlimit_c,omitempty"`
	SlowdownTLimit  *int64 `cbor:"slowdown_tlimit_c,omitempty"`
	MemoryMaxTLimit *int64 `cbor:"memory_max_tlimit_c,omitempty"`
	GPUMaxTLimit    *int64 `cbor:"gpu_max_tlimit_c,omitempty"`
}

// Clocks is current and highest clocks in MHz.
type Clocks struct {
	Graphics    *uint64 `cbor:"graphics_mhz,omitempty"`
	SM          *uint64 `cbor:"sm_mhz,omitempty"`
	Memory      *uint64 `cbor:"memory_mhz,omitempty"`
	Video       *uint64 `cbor:"video_mhz,omitempty"`
	MaxGraphics *uint64 `cbor:"max_graphics_mhz,omitempty"`
	MaxSM       *uint64 `cbor:"max_sm_mhz,omitempty"`
	MaxMemory   *uint64 `cbor:"max_memory_mhz,omitempty"`
	MaxVideo    *uint64 `cbor:"max_video_mhz,omitempty"`
}

// Power is draw and limits in mW, and energy since the driver was loaded in mJ.
// Judge load by differences of energy: sampled draw misses most of the time.
type Power struct {
	Usage         *uint64 `cbor:"usage_mw,omitempty"`
	EnforcedLimit *uint64 `cbor:"enforced_limit_mw,omitempty"`
	Limit         *uint64 `cbor:"limit_mw,omitempty"`
	DefaultLimit  *uint64 `cbor:"default_limit_mw,omitempty"`
	MinLimit      *uint64 `cbor:"min_limit_mw,omitempty"`
	MaxLimit      *uint64 `cbor:"max_limit_mw,omitempty"`
	Energy        *uint64 `cbor:"energy_mj,omitempty"`
}

// Throttle is why clocks are held down now (nvmlClocksEventReason bits) and for
// how many ns each cause held them since the driver was loaded. The counters
// cannot miss what happens between two samples; the bits can.
type Throttle struct {
	Reasons      *uint64 `cbor:"reasons,omitempty"`
	SWPowerCap   *uint64 `cbor:"sw_power_cap_ns,omitempty"`
	SyncBoost    *uint64 `cbor:"sync_boost_ns,omitempty"`
	Thermal      *uint64 `cbor:"thermal_ns,omitempty"` // software and hardware causes together
	BoardLimit   *uint64 `cbor:"board_limit_ns,omitempty"`
	Reliability  *uint64 `cbor:"reliability_ns,omitempty"`
	SWThermal    *uint64 `cbor:"sw_thermal_ns,omitempty"`
	HWThermal    *uint64 `cbor:"hw_thermal_ns,omitempty"`
	HWPowerBrake *uint64 `cbor:"hw_power_brake_ns,omitempty"`
}

// Usage is the share of the last sample period in which any kernel ran, and in
// which memory was read or written. One busy SM of 132 can read 100.
type Usage struct {
	GPU    uint64 `cbor:"gpu_percent"`
	Memory uint64 `cbor:"memory_percent"`
}

// Mode is a switch now and after the next reset or reboot.
type Mode struct {
	Current bool `cbor:"current"`
	Pending bool `cbor:"pending"`
}

// PCIe is the host link. The generation drops while idle: judge it under load.
type PCIe struct {
	Generation    *uint64 `cbor:"generation,omitempty"`
	MaxGeneration *uint64 `cbor:"max_generation,omitempty"`
	Width         *uint64 `cbor:"width_lanes,omitempty"`
	MaxWidth      *uint64 `cbor:"max_width_lanes,omitempty"`
}
