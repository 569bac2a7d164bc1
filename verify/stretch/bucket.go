package stretch

import "github.com/hallmark-attest/hallmark/attest/telemetry"

// Range is what a field was over a step.
type Range struct {
	Least int64 `json:"min"`
	Most  int64 `json:"max"`
	Mean  int64 `json:"mean"`
	N     int   `json:"samples"`

	sum float64
}

func (r *Range) add(v int64) {
	if r.N == 0 || v < r.Least {
		r.Least = v
	}
	if r.N == 0 || v > r.Most {
		r.Most = v
	}
	r.N++
	r.sum += float64(v)
	r.Mean = int64(r.sum / float64(r.N))
}

// Bucket is one GPU over one step.
type Bucket struct {
	GPU         string `json:"gpu"`
	FromMS      uint64 `json:"from_ms"` // since the first record
	Samples     int    `json:"samples"`
	Temperature Range  `json:"gpu_c"`
	Power       Range  `json:"average_power_mw"`
	Clock       Range  `json:"sm_mhz"`
	Utilisation Range  `json:"gpu_percent"`
	EnergyMJ    int64  `json:"energy_mj"`         // where the counter can be followed
	Heat        int    `json:"throttled_samples"` // with a reason of heat or power brake
	Capped      int    `json:"power_capped_samples"`
}

// Bits of the throttle reasons (nvml.h, nvmlClocksEventReason...).
const (
	reasonPowerCap = 0x4
	reasonHeat     = 0x8 | 0x20 | 0x40 | 0x80 // hardware slowdown, software and hardware thermal, power brake
)

func (b *Bucket) take(p, was sample, known bool) {
	b.Samples++
	for f, r := range map[telemetry.Field]*Range{telemetry.GPUTemperature: &b.Temperature, telemetry.AveragePower: &b.Power, telemetry.SMClock: &b.Clock, telemetry.GPUUtilisation: &b.Utilisation} {
		if v, ok := p.get(f); ok {
			r.add(v)
		}
	}
	if bits, ok := p.get(telemetry.Reasons); ok && bits&reasonHeat != 0 {
		b.Heat++
	} else if ok && bits&reasonPowerCap != 0 {
		b.Capped++
	}
	if known && !fell(was, p) {
		b.EnergyMJ += int64(used([]sample{was, p}))
	}
}
