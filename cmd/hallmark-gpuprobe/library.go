package main

import (
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
)

// library is NVML with what was learnt of it. One request uses it at a time; within
// one, its GPUs are read by a goroutine each.
type library struct {
	path    string
	nvml    nvml.Interface
	ready   bool
	devices []*handle
	total   int // devices there are; no more than gpu.MaxDevices are listed
	counted time.Time

	mu      sync.Mutex // guards what follows
	symbols map[string]bool
}

func newLibrary(path string) *library {
	return &library{path: path, nvml: nvml.New(nvml.WithLibraryPath(path))}
}

// start loads and initialises the library, again on every call until it succeeds:
// the driver may be loaded after the probe was started.
func (l *library) start() error {
	if l.ready {
		return nil
	}
	if err := l.examine(); err != nil {
		return err
	}
	l.mu.Lock()
	l.symbols = make(map[string]bool)
	l.mu.Unlock()
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

// close shuts the library down, unless a call hangs in it: that could hang as well.
func (l *library) close() {
	if !l.ready {
		return
	}
	for _, h := range l.devices {
		if _, _, busy := h.lane.stuck(); busy {
			return
		}
	}
	for _, h := range l.devices {
		h.watch.drop(l)
	}
	l.nvml.Shutdown()
	l.ready, l.devices = false, nil
}

// has reports whether the library offers one of the spellings of a call. Calling
// what it lacks would end the process.
func (l *library) has(spellings ...string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
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
