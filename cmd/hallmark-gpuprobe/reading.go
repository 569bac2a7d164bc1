package main

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/gpu"
)

// watch is what sweeps keep of one GPU from one to the next. Who is in the GPU's
// lane has it alone.
type watch struct {
	calls  refusals // by calls of their own
	values refusals // by nvmlDeviceGetFieldValues
	events events
	gpm    gpm
}

// refusals are the fields that a GPU does not support. They are asked for once a
// minute; between, the same reason is stated again without a call.
type refusals map[telemetry.Field]error

// of returns why f need not be asked now, nil if it must be.
func (r refusals) of(f telemetry.Field, minute bool) error {
	if minute {
		return nil
	}
	return r[f]
}

// note remembers what became of f.
func (r *refusals) note(f telemetry.Field, err error) {
	if *r == nil {
		*r = make(refusals)
	}
	if err == nil || gpu.AsAbsence(err).Reason != attest.NotSupported {
		delete(*r, f)
		return
	}
	(*r)[f] = err
}

// drop frees what the library holds for w, before it is shut down.
func (w *watch) drop(l *library) {
	w.events.drop(l)
	w.gpm.drop(l)
}

// reading is one GPU in one sweep.
type reading struct {
	asker
	watch     *watch
	minute    bool
	got       []got
	processes []telemetry.Process
	facts     []telemetry.Fact
}

type got struct {
	field telemetry.Field
	value int64
}

// read makes all calls of one sweep of one GPU.
func (r *reading) read() {
	d := r.handle.device
	links := r.links(d)
	r.fieldValues(d, links)
	r.thermal(d)
	r.state(d)
	r.memory(d)
	r.activity(d)
	r.compute(d)
	r.xids(d)
}

// set takes a value. What is no temperature is a count, and a count that is negative
// in 64 bits is none: the driver's way to say that it does not know.
func (r *reading) set(f telemetry.Field, v int64) {
	if _, of := f.Link(); v < 0 && of > telemetry.GPUMax {
		r.note(f.String(), absent(attest.Failed, "the driver gave a number out of range"))
		return
	}
	r.got = append(r.got, got{f, v})
}

// lack notes the same reason for several fields.
func (r *reading) lack(err error, list ...telemetry.Field) {
	for _, f := range list {
		r.note(f.String(), err)
	}
}

// try makes one guarded call and tells why it gave nothing. It is remembered by f.
func (r *reading) try(f telemetry.Field, call func() nvml.Return, symbols ...string) error {
	if err := r.watch.calls.of(f, r.minute); err != nil {
		return err
	}
	scratch := &asker{library: r.library, handle: r.handle}
	if !scratch.may("", symbols...) || !scratch.took("", call()) {
		err := &attest.AbsentError{Absence: scratch.absent[0]}
		r.watch.calls.note(f, err)
		return err
	}
	r.watch.calls.note(f, nil)
	return nil
}

// one reads a field that has a call of its own. Those of Minute are skipped in
// other sweeps, without an absence: the record of that minute has them.
func (r *reading) one(f telemetry.Field, call func() (int64, nvml.Return), symbols ...string) {
	if f.Info().Minute && !r.minute {
		return
	}
	var v int64
	err := r.try(f, func() (ret nvml.Return) { v, ret = call(); return ret }, symbols...)
	if err != nil {
		r.note(f.String(), err)
		return
	}
	r.set(f, v)
}

// as turns NVML's numbers into ours. Above 2^63 they become negative, which set refuses.
func as[T ~int | ~int32 | ~uint32 | ~uint64](call func() (T, nvml.Return)) func() (int64, nvml.Return) {
	return func() (int64, nvml.Return) {
		v, ret := call()
		return int64(v), ret
	}
}
