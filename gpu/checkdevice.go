package gpu

import (
	"errors"
	"fmt"
	"regexp"
)

var clusterID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (d *Device) check() error {
	if d.Index >= 1<<16 {
		return fmt.Errorf("index %d", d.Index)
	}
	return errors.Join(d.Identity.check(), d.State.check(), d.Interconnect.check(), d.checkProcesses())
}

func (d *Identity) check() error {
	if p := d.PCI; p != nil {
		if !isAddress(p.Address) {
			return fmt.Errorf("pci: %.*q is not an address", MaxText, p.Address)
		}
		if max(p.VendorID, p.DeviceID, p.SubsystemVendorID, p.SubsystemDeviceID) > 0xFFFF {
			return errors.New("pci: id of more than 16 bits")
		}
	}
	if c := d.ComputeCapability; c != nil && !version.MatchString(*c) {
		return errors.New("compute_capability: not MAJOR.MINOR")
	}
	return errors.Join(text("uuid", d.UUID), text("serial", d.Serial), text("name", d.Name),
		text("board_part_number", d.BoardPartNumber), text("vbios_version", d.VBIOSVersion),
		text("inforom_version", d.InfoROMVersion), text("gsp_firmware_version", d.GSPFirmware),
		enum("brand", Brand, d.Brand), enum("architecture", Architecture, d.Architecture),
		below64("cuda_cores", d.CUDACores, 1<<24), below64("memory_bus_bits", d.MemoryBusBits, 1<<20))
}

func (s *State) check() error {
	if u := s.Utilisation; u != nil && max(u.GPU, u.Memory) > 100 {
		return fmt.Errorf("utilisation: %d and %d percent", u.GPU, u.Memory)
	}
	t := &s.Temperature
	for _, v := range []*int64{t.GPU, t.Memory, t.Shutdown, t.Slowdown, t.MemoryMax, t.GPUMax,
		t.ShutdownTLimit, t.SlowdownTLimit, t.MemoryMaxTLimit, t.GPUMaxTLimit} {
		if v != nil && (*v > MaxCelsius || *v < -MaxCelsius) {
			return fmt.Errorf("temperature: %d C", *v)
		}
	}
	return errors.Join(below64("performance_state", s.PerformanceState, 15),
		enum("virtualization", Virtualization, s.Virtualization))
}

func (x *Interconnect) check() error {
	if len(x.Links) > MaxLinks {
		return fmt.Errorf("%d links, limit %d", len(x.Links), MaxLinks)
	}
	for i := range x.Links {
		l := &x.Links[i]
		if l.Number >= MaxLinks || i > 0 && x.Links[i-1].Number >= l.Number {
			return fmt.Errorf("nvlink[%d]: out of order or over the limit", l.Number)
		}
		if l.RemotePCI != nil && !isAddress(*l.RemotePCI) {
			return fmt.Errorf("nvlink[%d]: remote_pci: %.*q is not an address", l.Number, MaxText, *l.RemotePCI)
		}
		err := errors.Join(enum("version", LinkVersion, l.Version), enum("remote_type", RemoteType, l.RemoteType))
		if err != nil {
			return fmt.Errorf("nvlink[%d]: %w", l.Number, err)
		}
	}
	f := x.Fabric
	if f == nil {
		return nil
	}
	if !clusterID.MatchString(f.Cluster) {
		return errors.New("fabric: cluster_uuid: not 32 hex digits")
	}
	return errors.Join(enum("fabric state", FabricState, &f.State), enum("fabric health", FabricHealth, f.Health))
}

func (d *Device) checkProcesses() error {
	for i, p := range d.Processes {
		if p.Kind != ProcessCompute && p.Kind != ProcessGraphics && p.Kind != ProcessMPS {
			return fmt.Errorf("process of kind %.*q", MaxText, p.Kind)
		}
		if i > 0 && compareProcesses(d.Processes[i-1], p) >= 0 {
			return fmt.Errorf("processes[%s]: out of order or twice", p.key())
		}
		if p.PID > 1<<32-1 {
			return fmt.Errorf("processes[%s]: pid", p.key())
		}
	}
	return nil
}
