package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// xidsPerSweep is how many events are taken in one sweep of a GPU; more wait in the
// driver's queue. A GPU that fails writes them by the hundred.
const xidsPerSweep = 4

// events is where the driver puts the Xid errors of one GPU. It keeps those that
// happened since it was made, so none is missed between sweeps. One set for each
// GPU: waiting in a shared one, for a GPU that hangs, would silence the others.
type events struct {
	set nvml.EventSet
	why error // no set: why, asked again once a minute
}

func (r *reading) xids(d nvml.Device) {
	e := &r.watch.events
	if e.set == nil && (e.why == nil || r.minute) {
		e.why = r.register(d)
	}
	if e.set == nil {
		r.note("xid", e.why)
		return
	}
	for range xidsPerSweep {
		if !r.may("xid", "nvmlEventSetWait_v2", "nvmlEventSetWait") {
			return
		}
		event, ret := r.library.nvml.EventSetWait(e.set, 0)
		if ret == nvml.ERROR_TIMEOUT {
			return // none
		}
		if !r.took("xid", ret) {
			e.drop(r.library)
			e.why = failure(ret)
			return
		}
		if event.EventType == nvml.EventTypeXidCriticalError {
			r.facts = append(r.facts, telemetry.Fact{Name: telemetry.FactXid, Value: int64(event.EventData & (1<<62 - 1)), Text: r.handle.key})
		}
	}
}

// register asks for Xid errors alone. It changes nothing but who is told.
func (r *reading) register(d nvml.Device) error {
	for _, s := range []string{"nvmlEventSetCreate", "nvmlDeviceRegisterEvents", "nvmlEventSetFree"} {
		if !r.library.has(s) {
			return missing(s)
		}
	}
	scratch := &asker{library: r.library, handle: r.handle}
	set := value(scratch, "xid", r.library.nvml.EventSetCreate, "nvmlEventSetCreate")
	if set == nil {
		return &attest.AbsentError{Absence: scratch.absent[0]}
	}
	if !scratch.may("xid", "nvmlDeviceRegisterEvents") || !scratch.took("xid", d.RegisterEvents(nvml.EventTypeXidCriticalError, *set)) {
		r.library.nvml.EventSetFree(*set)
		return &attest.AbsentError{Absence: scratch.absent[0]}
	}
	r.watch.events.set = *set
	return nil
}

func (e *events) drop(l *library) {
	if e.set != nil && l.has("nvmlEventSetFree") {
		l.nvml.EventSetFree(e.set)
	}
	*e = events{}
}
