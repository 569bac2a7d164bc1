package gpu

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// Snapshot reads everything lib offers, once. What a device does not give becomes
// an absence of that device and leaves the others whole. The error is an
// *attest.AbsentError when there is nothing to claim: no device, or none countable.
func Snapshot(lib Library, now func() time.Time) (*Claims, error) {
	c := &Claims{ObtainedAt: uint64(max(now().UnixMilli(), 0)), How: How}
	n, err := lib.Count()
	if err != nil {
		return nil, kindAbsent(whole(err))
	}
	if n <= 0 {
		return nil, kindAbsent(attest.Absent("", attest.NotPresent, "no NVIDIA device"))
	}
	c.System, err = lib.System()
	absent := explain("", c.System, err)
	if n > MaxDevices {
		absent = append(absent, attest.Absent("gpu", attest.Oversize, "%d GPUs, the first %d are listed", n, MaxDevices))
	}
	budget := MaxProcesses
	for i := range min(n, MaxDevices) {
		d, a := device(lib, i, &budget)
		c.GPUs, absent = append(c.GPUs, d), append(absent, a...)
	}
	slices.SortFunc(c.GPUs, compareDevices)
	c.Pairs, absent = pairs(lib, c.GPUs, absent)
	c.Absent = fold(absent)
	if err := c.Check(); err != nil {
		return nil, kindAbsent(attest.Absent("", attest.Failed, "%v", err))
	}
	return c, nil
}

// device reads one GPU. A part that fails leaves the other parts to be asked.
func device(lib Library, i int, budget *int) (Device, []attest.Absence) {
	d := Device{Index: uint64(i)}
	var err [4]error
	d.Identity, err[0] = lib.Identity(i)
	d.State, err[1] = lib.State(i)
	d.Interconnect, err[2] = lib.Interconnect(i)
	list, over := processes(lib, i, budget, &err[3])
	d.Processes = list

	prefix := "gpu[" + d.key() + "]"
	absent := explain(prefix, d.Identity, err[0])
	absent = append(absent, explain(prefix, d.State, err[1])...)
	absent = append(absent, explain(prefix, d.Interconnect, err[2])...)
	absent = append(absent, explain(prefix, listed{list}, err[3])...)
	if d.silent() && uniform(absent) {
		absent[0].What = prefix
		absent = absent[:1]
	}
	if over > 0 {
		absent = append(absent, attest.Absent(prefix+".processes", attest.Oversize, "%d more processes", over))
	}
	return d, absent
}

type listed struct {
	Processes []Process `cbor:"processes,omitzero"`
}

// silent reports whether d gives nothing but its place: a GPU that fell off the bus.
func (d Device) silent() bool {
	d.PCI = nil
	count := func(d Device) (n int) {
		gaps(d, func(*place) { n++ })
		return n
	}
	return count(d) == count(Device{})
}

// processes asks for the processes on GPU i and keeps the host's sum within budget.
func processes(lib Library, i int, budget *int, err *error) (list []Process, over int) {
	list, *err = lib.Processes(i)
	if list == nil && *err == nil {
		return []Process{}, 0
	}
	list = tidyProcesses(list)
	if over = max(len(list)-*budget, 0); over > 0 {
		list = list[:*budget]
	}
	*budget -= len(list)
	return list, over
}

// tidyProcesses sorts by kind and pid, and joins the entries of one process that
// MIG lists once for each instance. A nil list stays nil: not known is not none.
func tidyProcesses(list []Process) []Process {
	slices.SortFunc(list, compareProcesses)
	if list == nil {
		return nil
	}
	out := list[:0]
	for _, p := range list {
		last := len(out) - 1
		if last < 0 || compareProcesses(out[last], p) != 0 {
			out = append(out, p)
			continue
		}
		if out[last].UsedBytes == nil || p.UsedBytes == nil {
			out[last].UsedBytes = nil
			continue
		}
		sum := *out[last].UsedBytes + *p.UsedBytes
		out[last].UsedBytes = &sum
	}
	return out
}

func pairs(lib Library, gpus []Device, absent []attest.Absence) ([]Pair, []attest.Absence) {
	var out []Pair
	for a := range gpus {
		for b := a + 1; b < len(gpus); b++ {
			p := Pair{A: uint64(a), B: uint64(b)}
			var err error
			p.CommonAncestor, p.NVLinkP2P, err = lib.Pair(int(gpus[a].Index), int(gpus[b].Index))
			out = append(out, p)
			absent = append(absent, explain("pair["+p.key()+"]", p, err)...)
		}
	}
	return out, absent
}

func compareDevices(a, b Device) int {
	switch {
	case a.PCI != nil && b.PCI != nil:
		return cmp.Compare(a.PCI.Address, b.PCI.Address)
	case a.PCI != nil:
		return -1
	case b.PCI != nil:
		return 1
	}
	return cmp.Compare(a.Index, b.Index)
}

func compareProcesses(a, b Process) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.PID, b.PID))
}

func kindAbsent(a attest.Absence) error {
	a.What = string(attest.KindGPU)
	return &attest.AbsentError{Absence: a}
}

// AsAbsence is the absence of the kind that err, of Snapshot or the probe, stands for.
func AsAbsence(err error) attest.Absence {
	var absent *attest.AbsentError
	if !errors.As(err, &absent) {
		absent = &attest.AbsentError{Absence: attest.Absent("", attest.Failed, "%v", err)}
	}
	a := absent.Absence
	a.What = string(attest.KindGPU)
	return a
}
