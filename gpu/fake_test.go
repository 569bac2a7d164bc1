package gpu

import (
	"errors"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
)

// fake is a Library of n equal GPUs that a test may spoil.
type fake struct {
	n         int
	count     error
	identity  func(i int) (Identity, error)
	state     func(i int) (State, error)
	links     func(i int) (Interconnect, error)
	processes func(i int) ([]Process, error)
}

var errPoor = &attest.AbsentError{Absence: attest.Absent("", attest.NotSupported, "this fake is poor")}

func (f fake) Count() (int, error)     { return f.n, f.count }
func (f fake) System() (System, error) { return System{DriverVersion: ptr("580.65.06")}, errPoor }
func (f fake) Identity(i int) (Identity, error) {
	if f.identity != nil {
		return f.identity(i)
	}
	return Identity{PCI: &PCI{Address: Address(0, uint32(f.n-i), 0), VendorID: 0x10DE, DeviceID: 0x2330}, UUID: ptr("GPU-1")}, errPoor
}
func (f fake) State(i int) (State, error) {
	if f.state != nil {
		return f.state(i)
	}
	return State{Memory: &Memory{TotalBytes: 80 << 30, FreeBytes: 80 << 30}}, errPoor
}
func (f fake) Interconnect(i int) (Interconnect, error) {
	if f.links != nil {
		return f.links(i)
	}
	return Interconnect{Links: []Link{{Number: 0, Active: ptr(true)}}}, errPoor
}
func (f fake) Processes(i int) ([]Process, error) {
	if f.processes != nil {
		return f.processes(i)
	}
	return nil, nil
}
func (f fake) Pair(i, j int) (*string, *string, error) { return ptr("node"), nil, errPoor }

func ptr[T any](v T) *T { return &v }

func at() time.Time { return time.UnixMilli(1_770_000_000_000) }

func snapshot(t testing.TB, lib Library) *Claims {
	t.Helper()
	c, err := Snapshot(lib, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantReason(t *testing.T, err error, r attest.Reason) {
	t.Helper()
	var absent *attest.AbsentError
	if !errors.As(err, &absent) || absent.Absence.Reason != r || absent.Absence.What != "gpu" {
		t.Errorf("got %v, want gpu: %s", err, r)
	}
}
