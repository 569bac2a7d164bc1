// Package sweeps makes telemetry records of simulated GPUs as fast as they are asked
// for: a day in seconds. The figures follow a thermal model, so that what they take
// on disk is near what real ones take. Tests and benchmarks alone import it.
package sweeps

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Host is the GPUs of one simulated host.
type Host struct {
	Load     func(gpu int, second float64) float64 // 0 to 1; nil: bursts
	interval float64                               // seconds
	second   float64
	random   *rand.Rand
	gpus     []card
}

type card struct {
	key                        string
	temperature, memory        float64
	energy, capped, sent, link float64
}

// New makes a host whose clock moves by interval seconds with each Next.
func New(gpus int, interval float64, seed uint64) *Host {
	h := &Host{interval: interval, random: rand.New(rand.NewPCG(seed, 7))}
	for i := range gpus {
		h.gpus = append(h.gpus, card{key: fmt.Sprintf("00000000:%02x:00.0", 0x1b+i*8), temperature: 34, memory: 40, energy: 1e9 * float64(i+1)})
	}
	return h
}

// Key is the key of one GPU.
func (h *Host) Key(gpu int) string { return h.gpus[gpu].key }

func (h *Host) load(i int) float64 {
	if h.Load != nil {
		return h.Load(i, h.second)
	}
	return 0.5 + 0.5*math.Sin(h.second/40+float64(i))*math.Cos(h.second/7)
}

// Next makes the next record; at is ms since the Unix epoch.
func (h *Host) Next(at uint64) *telemetry.Record {
	minute := int(h.second/60) != int((h.second-h.interval)/60)
	r := &telemetry.Record{At: at + uint64(h.random.IntN(3)), Uptime: uint64(h.second*1000) + 100_000}
	for i := range h.gpus {
		r.Devices = append(r.Devices, h.gpus[i].sweep(h.load(i), h.interval, minute, h.random))
	}
	r.Absent = []attest.Absence{attest.Absent("gpu[*].margin_c", attest.NotSupported, "symbol nvmlDeviceGetMarginTemperature missing in this driver")}
	h.second += h.interval
	return r
}

func (c *card) sweep(load, seconds float64, minute bool, random *rand.Rand) telemetry.Device {
	noise := func(most float64) float64 { return (random.Float64()*2 - 1) * most }
	watts := 70 + 630*load + noise(4)
	c.temperature += (28 + watts*0.06 - c.temperature) * seconds / 25
	c.memory += (34 + watts*0.07 - c.memory) * seconds / 35
	c.energy += watts * seconds * 1000
	if load > 0.97 {
		c.capped += seconds * 1e9 * 0.3
	}
	c.sent += load * 2e9 * seconds
	c.link += load * 1e8 * seconds
	clock := 345.0
	if load > 0.05 {
		clock = 1980 - 15*math.Floor(math.Max(0, watts-600)/20)
	}
	used := 71e9 + math.Floor(noise(2))*2e6
	d := telemetry.Device{Key: c.key, Processes: []telemetry.Process{{PID: 4711, UsedBytes: ptr(uint64(70e9))}}}
	set := func(f telemetry.Field, v float64) { d.Values.Set(f, int64(v)) }
	set(telemetry.GPUTemperature, c.temperature)
	set(telemetry.MemoryTemperature, c.memory)
	for i, v := range []float64{-8, -2, 0, 0} {
		set(telemetry.ShutdownTLimit+telemetry.Field(i), v)
	}
	set(telemetry.GraphicsClock, clock)
	set(telemetry.SMClock, clock)
	set(telemetry.MemoryClock, 2619)
	set(telemetry.VideoClock, math.Floor(clock*0.88))
	set(telemetry.Reasons, map[bool]float64{true: 4, false: 0}[load > 0.97])
	set(telemetry.SWPowerCap, c.capped)
	for f := telemetry.Thermal; f <= telemetry.HWPowerBrake; f++ {
		set(f, 0)
	}
	set(telemetry.AveragePower, watts*1000)
	set(telemetry.InstantPower, (watts+noise(9))*1000)
	set(telemetry.EnforcedLimit, 700_000)
	set(telemetry.PowerLimit, 700_000)
	set(telemetry.Energy, c.energy)
	set(telemetry.GPUUtilisation, math.Min(100, load*130))
	set(telemetry.MemoryUtilisation, load*60+noise(2))
	set(telemetry.PerformanceState, 0)
	for f := telemetry.GPMGraphics; f <= telemetry.GPMDRAM; f++ {
		set(f, math.Max(0, load*9000/float64(f-telemetry.GPMGraphics+1)+noise(60)))
	}
	set(telemetry.MemoryReserved, 600<<20)
	set(telemetry.MemoryFree, 85e9-used)
	set(telemetry.MemoryUsed, used)
	for f := telemetry.ECCSingleVolatile; f <= telemetry.RemapFailure; f++ {
		set(f, 0)
	}
	set(telemetry.PCIeReplays, 0)
	set(telemetry.PCIeSent, c.sent)
	set(telemetry.PCIeReceived, c.sent/3)
	set(telemetry.PCIeGeneration, 5)
	set(telemetry.PCIeWidth, 16)
	set(telemetry.NVLinkSent, c.link*18)
	set(telemetry.NVLinkReceived, c.link*18-1e5)
	for f := telemetry.NVLinkReplays; f <= telemetry.NVLinkCRCErrors; f++ {
		set(f, 0)
	}
	if minute {
		for link := range 18 {
			set(telemetry.LinkField(link, telemetry.NVLinkSent), c.link+float64(link))
			set(telemetry.LinkField(link, telemetry.NVLinkReceived), c.link-float64(link))
			set(telemetry.LinkField(link, telemetry.NVLinkActive), 1)
		}
	}
	return d
}

func ptr[T any](v T) *T { return &v }
