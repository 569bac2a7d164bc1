package gpu

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestSnapshotSortsByAddressAndRoundTrips(t *testing.T) {
	c := snapshot(t, fake{n: 5})
	if c.GPUs[0].Index != 4 || c.GPUs[4].Index != 0 || len(c.Pairs) != 10 {
		t.Errorf("first is index %d, last %d, %d pairs", c.GPUs[0].Index, c.GPUs[4].Index, len(c.Pairs))
	}
	b, err := attest.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, back); d != "" {
		t.Error(d)
	}
	if back.GPUs[0].Processes == nil {
		t.Error("an empty list of processes came back as unknown")
	}
}

func TestSnapshotFoldsWhatAllGPUsLack(t *testing.T) {
	few, many := snapshot(t, fake{n: 2}), snapshot(t, fake{n: MaxDevices})
	if len(few.Absent) != len(many.Absent) {
		t.Errorf("%d absences of 2 GPUs, %d of %d", len(few.Absent), len(many.Absent), MaxDevices)
	}
	for _, path := range []string{"gpu[*].serial", "gpu[*].nvlink[*].version", "pair[*].nvlink_p2p"} {
		if !slices.ContainsFunc(many.Absent, func(a attest.Absence) bool { return a.What == path }) {
			t.Errorf("no absence %s", path)
		}
	}
}

func TestSnapshotKeepsDifferentReasonsApart(t *testing.T) {
	c := snapshot(t, fake{n: 3, processes: func(i int) ([]Process, error) {
		return nil, []error{errors.New("odd"), errPoor, errPoor}[i]
	}})
	odd, _ := c.Why("gpu[" + c.GPUs[2].key() + "].processes")
	poor, _ := c.Why("gpu[" + c.GPUs[0].key() + "].processes")
	if odd.Reason != attest.Failed || odd.Detail != "odd" || poor.Reason != attest.NotSupported {
		t.Errorf("%v, %v", odd, poor)
	}
}

func TestSnapshotSaysAloudWhatACollectorKeptQuiet(t *testing.T) {
	c := snapshot(t, fake{n: 1, state: func(int) (State, error) { return State{}, nil }})
	a, ok := c.Why("gpu[" + c.GPUs[0].key() + "].temperature.gpu_c")
	if !ok || a.Reason != attest.Failed {
		t.Errorf("%v, %v", a, ok)
	}
}

func TestSnapshotFoldsASilentGPUIntoOneLine(t *testing.T) {
	lost := errors.New("lost")
	c := snapshot(t, fake{n: 2,
		identity: func(i int) (Identity, error) {
			if i == 0 {
				return Identity{}, lost
			}
			return Identity{PCI: &PCI{Address: Address(0, 1, 0)}}, errPoor
		},
		state:     func(i int) (State, error) { return State{Memory: memory(i)}, []error{lost, errPoor}[i] },
		links:     func(i int) (Interconnect, error) { return Interconnect{}, []error{lost, errPoor}[i] },
		processes: func(i int) ([]Process, error) { return nil, []error{lost, errPoor}[i] },
	})
	if c.GPUs[1].PCI != nil || c.GPUs[0].Memory == nil {
		t.Fatal("want the lost GPU last and the other whole")
	}
	if a, ok := c.Why("gpu[#0].uuid"); !ok || a.What != "gpu[#0]" || a.Detail != "lost" {
		t.Errorf("%v, %v", a, ok)
	}
}

func memory(i int) *Memory {
	if i == 0 {
		return nil
	}
	return &Memory{TotalBytes: 1}
}

func TestSnapshotKeepsAbsencesWithinTheirLimit(t *testing.T) {
	n := 0
	c := snapshot(t, fake{n: MaxDevices, state: func(int) (State, error) {
		n++
		return State{Memory: &Memory{}}, &Missing{Absent: []attest.Absence{
			attest.Absent("clocks.sm_mhz", attest.Failed, "reason %d", n),
			attest.Absent("temperature", attest.Failed, "reason %d", n),
			attest.Absent("power", attest.Failed, "reason %d", n),
		}}
	}})
	if len(c.Absent) > attest.MaxAbsences {
		t.Errorf("%d absences", len(c.Absent))
	}
}

func TestSnapshotCapsDevicesAndProcessesAloud(t *testing.T) {
	c := snapshot(t, fake{n: MaxDevices + 3, processes: func(int) ([]Process, error) {
		var list []Process
		for pid := range uint64(100) {
			list = append(list, Process{Kind: ProcessCompute, PID: 100 - pid, UsedBytes: ptr(uint64(1))})
		}
		return list, nil
	}})
	listed := 0
	for _, d := range c.GPUs {
		listed += len(d.Processes)
	}
	if len(c.GPUs) != MaxDevices || listed != MaxProcesses {
		t.Errorf("%d GPUs, %d processes", len(c.GPUs), listed)
	}
	cut := 0
	for _, a := range c.Absent {
		if a.Reason == attest.Oversize {
			cut++
		}
	}
	if cut < 2 {
		t.Errorf("%d absences say what was left out: %v", cut, c.Absent)
	}
}

func TestSnapshotJoinsOneProcessOfSeveralInstances(t *testing.T) {
	c := snapshot(t, fake{n: 1, processes: func(int) ([]Process, error) {
		return []Process{{Kind: ProcessMPS, PID: 7, UsedBytes: ptr(uint64(5))}, {Kind: ProcessCompute, PID: 7, UsedBytes: ptr(uint64(2))},
			{Kind: ProcessCompute, PID: 7, UsedBytes: ptr(uint64(3))}}, nil
	}})
	if p := c.GPUs[0].Processes; len(p) != 2 || *p[0].UsedBytes != 5 || *p[1].UsedBytes != 5 {
		t.Errorf("%+v", p)
	}
}

func TestSnapshotOfNothingIsAnAbsence(t *testing.T) {
	_, err := Snapshot(fake{}, at)
	wantReason(t, err, attest.NotPresent)
	_, err = Snapshot(fake{count: errPoor}, at)
	wantReason(t, err, attest.NotSupported)
	twins := func(int) (Identity, error) { return Identity{PCI: &PCI{Address: Address(0, 1, 0)}}, errPoor }
	_, err = Snapshot(fake{n: 2, identity: twins}, at)
	wantReason(t, err, attest.Failed)
}
