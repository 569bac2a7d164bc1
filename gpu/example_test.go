package gpu_test

import (
	"fmt"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// one is a driver library with one GPU that tells its address and nothing else.
type one struct{}

var untold = &attest.AbsentError{Absence: attest.Absent("", attest.NotSupported, "not told")}

func (one) Count() (int, error)          { return 1, nil }
func (one) System() (gpu.System, error)  { return gpu.System{}, untold }
func (one) State(int) (gpu.State, error) { return gpu.State{}, untold }
func (one) Identity(int) (gpu.Identity, error) {
	return gpu.Identity{PCI: &gpu.PCI{Address: gpu.Address(0, 0x1b, 0), VendorID: 0x10DE, DeviceID: 0x2330}}, untold
}
func (one) Interconnect(int) (gpu.Interconnect, error) { return gpu.Interconnect{}, untold }
func (one) Processes(int) ([]gpu.Process, error)       { return nil, untold }
func (one) Pair(int, int) (*string, *string, error)    { return nil, nil, untold }

// A node takes a snapshot; a validator parses it and asks why a value is absent.
func Example() {
	claims, err := gpu.Snapshot(one{}, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := attest.Marshal(claims)
	if err != nil {
		fmt.Println(err)
		return
	}
	received, err := gpu.Parse(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := received.GPUs[0]
	fmt.Printf("%s is a %04x:%04x\n", d.PCI.Sysfs(), d.PCI.VendorID, d.PCI.DeviceID)
	why, _ := received.Why("gpu[00000000:1b:00.0].serial")
	fmt.Println("serial:", why.Reason, why.Detail)
	// Output:
	// 0000:1b:00.0 is a 10de:2330
	// serial: not-supported not told
}
