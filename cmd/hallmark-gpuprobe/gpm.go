package main

import (
	"math"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// gpmPause is how far apart two samples must lie at least (nvml.h, nvmlGpmSampleGet).
const gpmPause = 100 * time.Millisecond

// gpm holds two samples of a GPU's activity counters, which Hopper and later offer.
// What lies between them is the activity since the sweep before.
type gpm struct {
	samples [2]nvml.GpmSample // the older first; nil: not allocated
	at      time.Time         // of the newer; zero: there is none
}

var gpmMetrics = []struct {
	field telemetry.Field
	id    nvml.GpmMetricId
}{
	{telemetry.GPMGraphics, nvml.GPM_METRIC_GRAPHICS_UTIL},
	{telemetry.GPMSM, nvml.GPM_METRIC_SM_UTIL},
	{telemetry.GPMOccupancy, nvml.GPM_METRIC_SM_OCCUPANCY},
	{telemetry.GPMTensor, nvml.GPM_METRIC_ANY_TENSOR_UTIL},
	{telemetry.GPMDRAM, nvml.GPM_METRIC_DRAM_BW_UTIL},
}

func (r *reading) activity(d nvml.Device) {
	if err := r.sampled(d); err != nil {
		for _, m := range gpmMetrics {
			r.lack(err, m.field)
		}
		return
	}
	g := &r.watch.gpm
	get := nvml.GpmMetricsGetType{Sample1: g.samples[0], Sample2: g.samples[1], NumMetrics: uint32(len(gpmMetrics))}
	for i, m := range gpmMetrics {
		get.Metrics[i].MetricId = uint32(m.id)
	}
	r.handle.lane.enter("nvmlGpmMetricsGet")
	whole := r.library.nvml.GpmMetricsGet(&get)
	for i, m := range gpmMetrics {
		ret := whole
		if ret == nvml.SUCCESS {
			ret = nvml.Return(get.Metrics[i].NvmlReturn)
		}
		if !r.took(m.field.String(), ret) {
			continue
		}
		if v := get.Metrics[i].Value; v >= 0 && v <= 1000 { // NaN is neither
			r.set(m.field, int64(math.Round(v*100)))
		} else {
			r.note(m.field.String(), absent(attest.Failed, "the driver gave a number out of range"))
		}
	}
}

// sampled takes a sample beside the one before; an error when there are no two.
func (r *reading) sampled(d nvml.Device) error {
	g := &r.watch.gpm
	for _, s := range []string{"nvmlGpmSampleAlloc", "nvmlGpmSampleGet", "nvmlGpmMetricsGet"} {
		if !r.library.has(s) {
			return missing(s)
		}
	}
	if g.samples[0] == nil {
		if err := r.allocate(d); err != nil {
			return err
		}
	}
	if time.Since(g.at) < gpmPause {
		return absent(attest.NotYet, "two samples must lie %s apart", gpmPause)
	}
	first := g.at.IsZero()
	err := r.try(telemetry.GPMSM, func() nvml.Return { return d.GpmSampleGet(g.samples[0]) }, "nvmlGpmSampleGet")
	if err != nil {
		g.at = time.Time{} // the sample may be half written
		return err
	}
	g.samples[0], g.samples[1], g.at = g.samples[1], g.samples[0], time.Now()
	if first {
		return absent(attest.NotYet, "the first of two samples")
	}
	return nil
}

// allocate asks whether the GPU has these counters, and for room for two samples.
func (r *reading) allocate(d nvml.Device) error {
	err := r.try(telemetry.GPMGraphics, func() nvml.Return {
		s, ret := d.GpmQueryDeviceSupport()
		if ret == nvml.SUCCESS && s.IsSupportedDevice == 0 {
			ret = nvml.ERROR_NOT_SUPPORTED
		}
		return ret
	}, "nvmlGpmQueryDeviceSupport")
	if err != nil {
		return err
	}
	g := &r.watch.gpm
	r.handle.lane.enter("nvmlGpmSampleAlloc")
	for i := range g.samples {
		s, ret := r.library.nvml.GpmSampleAlloc()
		if ret != nvml.SUCCESS {
			g.drop(r.library)
			return failure(ret)
		}
		g.samples[i] = s
	}
	return nil
}

func (g *gpm) drop(l *library) {
	for _, s := range g.samples {
		if s != nil && l.has("nvmlGpmSampleFree") {
			l.nvml.GpmSampleFree(s)
		}
	}
	*g = gpm{}
}
