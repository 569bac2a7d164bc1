package main

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/gpu"
)

// lostPause is how long a GPU that fell off the bus stays lost before devices are
// counted again on its account.
const lostPause = 10 * time.Second

// handle is one device, or why there is none.
type handle struct {
	index  int
	key    string // its PCI address; "#" and the index where that could not be had
	device nvml.Device
	pci    *gpu.PCI
	err    error // why there is no device

	lane  lane
	dead  atomic.Int32 // what a call answered after which none is made before the next census: see deadly
	late  bool         // the handle was not there in time
	watch *watch       // what sweeps keep of it
	job   *job         // a sweep's reading that nobody waited for
}

// deadly are answers that hold for every later call: the GPU fell off its bus, or the
// driver was loaded anew and does not know this process.
func deadly(ret nvml.Return) bool {
	return ret == nvml.ERROR_GPU_IS_LOST || ret == nvml.ERROR_UNINITIALIZED
}

// census counts the devices and takes their handles, unless that was done and
// nothing asks for it anew. While a call hangs nothing is counted: the handles that
// are known serve the other GPUs.
func (l *library) census(ctx context.Context, anew bool, skip []string) error {
	hung, lost, late := false, false, false // late: something that was not there may be there now
	for _, h := range l.devices {
		_, _, busy := h.lane.stuck()
		hung = hung || busy
		dead := nvml.Return(h.dead.Load())
		lost = lost || dead == nvml.ERROR_GPU_IS_LOST
		late = late || dead == nvml.ERROR_UNINITIALIZED || h.late || h.err == errSkipped && !slices.Contains(skip, h.key)
	}
	old := time.Since(l.counted) > lostPause
	if l.devices != nil && (hung || !anew && !late && !(lost && old)) {
		return nil
	}
	for _, s := range [][]string{{"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"}} {
		if !l.has(s...) {
			return missing(s[0])
		}
	}
	n, ret := l.nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		l.close() // the driver may have been unloaded: initialise again next time
		return initAbsent(l.path, ret)
	}
	ctx, cancel := most(ctx) // the rest is for the GPUs whose handles do not hang
	defer cancel()
	before, same := l.devices, n == l.total
	l.total, l.counted, l.devices = n, time.Now(), make([]*handle, max(min(n, gpu.MaxDevices), 0))
	found := make([]*handle, len(l.devices))
	done := make([]<-chan struct{}, len(l.devices))
	for i := range l.devices {
		h := &handle{index: i, key: "#" + strconv.Itoa(i), watch: &watch{}}
		l.devices[i] = h
		if slices.Contains(skip, h.key) {
			h.err = errSkipped
			continue
		}
		// Taking a handle initialises the GPU where persistence mode is off, and can hang.
		key := h.key
		done[i] = h.lane.start(func() { found[i] = l.take(i, key, &h.lane) })
	}
	for i, h := range l.devices {
		switch {
		case done[i] == nil:
		case in(ctx, done[i]):
			f := found[i]
			h.key, h.device, h.pci, h.err = f.key, f.device, f.pci, f.err
			h.keep(before)
		default:
			if h.late = true; same && i < len(before) {
				h.key, h.pci = before[i].key, before[i].pci // as many as before: the same one, as far as can be told
			}
		}
	}
	return nil
}

// take asks for the handle and the address of device i. It has a handle of its own:
// when it returns late, others use that of the census already.
func (l *library) take(i int, key string, lane *lane) *handle {
	f := &handle{key: key}
	var ret nvml.Return
	lane.enter("nvmlDeviceGetHandleByIndex_v2")
	if f.device, ret = l.nvml.DeviceGetHandleByIndex(i); ret != nvml.SUCCESS {
		f.err = failure(ret)
		return f
	}
	if !l.has(pciSymbols...) {
		return f
	}
	lane.enter(pciSymbols[0])
	if p, ret := pci(f.device.GetPciInfo()); ret == nvml.SUCCESS {
		f.pci, f.key = &p, p.Address
	}
	return f
}

// keep takes over what sweeps know of the same device from an earlier census.
func (h *handle) keep(before []*handle) {
	for _, o := range before {
		if o.key == h.key && o.device == h.device && o.err == nil && h.err == nil {
			h.watch, h.job = o.watch, o.job
		}
	}
}

// open reports whether h may be asked, and why not; stuck is what holds it, if something does.
func (h *handle) open(skip []string) (stuck *gpu.Stuck, err error) {
	if slices.Contains(skip, h.key) {
		return nil, errSkipped
	}
	if _, _, busy := h.lane.stuck(); busy || h.late {
		return h.stuck()
	}
	return nil, h.err
}
