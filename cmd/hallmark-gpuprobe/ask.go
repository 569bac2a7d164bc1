package main

import (
	"errors"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// asker makes the calls of one part of the claims and notes what was not given.
type asker struct {
	library *library
	handle  *handle // nil for the system
	absent  []attest.Absence
}

// err is what a gpu.Library method returns beside its value.
func (a *asker) err() error {
	if len(a.absent) == 0 {
		return nil
	}
	return &gpu.Missing{Absent: a.absent}
}

func (a *asker) note(path string, err error) {
	var why *attest.AbsentError
	if errors.As(err, &why) {
		a.absent = append(a.absent, attest.Absence{What: path, Reason: why.Absence.Reason, Detail: why.Absence.Detail})
	}
}

// may reports whether a call may be made: the GPU answers and the library has the symbol.
func (a *asker) may(path string, symbols ...string) bool {
	if a.handle != nil {
		if dead := nvml.Return(a.handle.dead.Load()); dead != nvml.SUCCESS {
			a.note(path, failure(dead))
			return false
		}
	}
	if !a.library.has(symbols...) {
		a.note(path, missing(symbols[0]))
		return false
	}
	if a.handle != nil {
		a.handle.lane.enter(symbols[0])
	}
	return true
}

// took reports whether a call gave a value, and notes why not.
func (a *asker) took(path string, ret nvml.Return) bool {
	if ret == nvml.SUCCESS {
		return true
	}
	if deadly(ret) && a.handle != nil {
		a.handle.dead.Store(int32(ret))
	}
	a.note(path, failure(ret))
	return false
}

// value makes one guarded call; nil when it gave nothing.
func value[T any](a *asker, path string, call func() (T, nvml.Return), symbols ...string) *T {
	if !a.may(path, symbols...) {
		return nil
	}
	v, ret := call()
	if !a.took(path, ret) {
		return nil
	}
	return &v
}

// text is value for strings; an empty one is an absence, not an empty value.
func text(a *asker, path string, call func() (string, nvml.Return), symbol string) *string {
	v := value(a, path, call, symbol)
	if v == nil {
		return nil
	}
	if *v = gpu.Text(*v); *v == "" {
		a.note(path, absent(attest.NotPresent, "the driver gave an empty text"))
		return nil
	}
	return v
}

// number is value for counts and codes. A negative count is no count.
func number[T ~int | ~int32 | ~uint32 | ~uint64](a *asker, path string, call func() (T, nvml.Return), symbols ...string) *uint64 {
	v := value(a, path, call, symbols...)
	if v == nil {
		return nil
	}
	if *v < 0 {
		a.note(path, absent(attest.Failed, "the driver gave a negative number"))
		return nil
	}
	n := uint64(*v)
	return &n
}

// named is value for enumerations.
func named[T ~int | ~int32 | ~uint32](a *asker, path string, set gpu.Set, call func() (T, nvml.Return), symbol string) *string {
	v := value(a, path, call, symbol)
	if v == nil {
		return nil
	}
	n := set.Name(uint32(*v))
	return &n
}
