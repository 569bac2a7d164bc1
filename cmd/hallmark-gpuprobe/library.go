package main

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// library is gpu.Library over NVML.
type library struct {
	path    string
	nvml    nvml.Interface
	ready   bool
	symbols map[string]bool
	devices []handle
}

// handle is one device, or why there is none.
type handle struct {
	device nvml.Device
	err    error
	lost   bool // a call answered that it fell off the bus: the rest of this snapshot is not asked
}

var _ gpu.Library = (*library)(nil)

func newLibrary(path string) *library {
	return &library{path: path, nvml: nvml.New(nvml.WithLibraryPath(path))}
}

// open loads and initialises the library, again on every call until it succeeds:
// the driver may be loaded after the probe was started.
func (l *library) open() error {
	if l.ready {
		return nil
	}
	if err := l.examine(); err != nil {
		return err
	}
	l.symbols = make(map[string]bool)
	if ret := l.nvml.Init(); ret != nvml.SUCCESS {
		return initAbsent(l.path, ret)
	}
	l.ready = true
	return nil
}

// examine loads the library by itself first: NVML's Init reports every failure to
// load as "not found", and ends the process if the file is a library of another kind.
func (l *library) examine() error {
	d := dl.New(l.path, dl.RTLD_LAZY|dl.RTLD_GLOBAL)
	if err := d.Open(); err != nil {
		return absent(attest.NotPresent, "%v", err)
	}
	defer d.Close()
	for _, s := range []string{"nvmlInit_v2", "nvmlShutdown", "nvmlErrorString"} {
		if d.Lookup(s) != nil {
			return absent(attest.NotSupported, "symbol %s missing: %s is not NVIDIA's management library, or one older than R319", s, l.path)
		}
	}
	return nil
}

func (l *library) close() {
	if l.ready {
		l.nvml.Shutdown()
		l.ready = false
	}
}

// has reports whether the library offers one of the spellings of a call. Calling
// what it lacks would end the process.
func (l *library) has(spellings ...string) bool {
	for _, s := range spellings {
		known, ok := l.symbols[s]
		if !ok {
			known = l.nvml.Extensions().LookupSymbol(s) == nil
			l.symbols[s] = known
		}
		if known {
			return true
		}
	}
	return false
}

// Count counts the devices and takes their handles, anew for each snapshot.
func (l *library) Count() (int, error) {
	l.devices = nil
	for _, s := range [][]string{{"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"}, {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"}} {
		if !l.has(s...) {
			return 0, missing(s[0])
		}
	}
	n, ret := l.nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		l.close() // the driver may have been unloaded: initialise again next time
		return 0, initAbsent(l.path, ret)
	}
	l.devices = make([]handle, min(n, gpu.MaxDevices))
	for i := range l.devices {
		h := &l.devices[i]
		h.device, ret = l.nvml.DeviceGetHandleByIndex(i)
		if ret != nvml.SUCCESS {
			h.err = failure(ret)
		}
	}
	return n, nil
}

// at returns the handle of device i.
func (l *library) at(i int) (*handle, error) {
	if i < 0 || i >= len(l.devices) {
		return nil, fmt.Errorf("device %d of %d", i, len(l.devices))
	}
	return &l.devices[i], l.devices[i].err
}
