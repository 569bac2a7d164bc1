package host

import (
	"fmt"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
)

// Parse decodes claims of kind "host" and checks them.
func Parse(b []byte) (*Claims, error) {
	c := new(Claims)
	if err := attest.Unmarshal(b, c, MaxClaimsSize); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// Check holds the claims against the limits, closed sets and orders of
// docs/kinds/host.md. It judges form only.
func (c *Claims) Check() error {
	if err := attest.CheckAbsences(c.Absent); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	for _, f := range []func() error{c.checkSystem, c.checkPCI, c.checkRDMA, c.checkDMI, c.checkKernel, c.checkNVIDIA,
		func() error { return c.NVMLLibrary.check(whatNVML) }} {
		if err := f(); err != nil {
			return err
		}
	}
	return checkText("how", c.How)
}

// checkText accepts what attest.Clean leaves unchanged.
func checkText(what string, list ...string) error {
	for _, s := range list {
		if s != attest.Clean(s) {
			return fmt.Errorf("host: %s: text over %d bytes or with control characters", what, attest.MaxText)
		}
	}
	return nil
}

func (c *Claims) checkSystem() error {
	s := c.System
	if s == nil {
		return nil
	}
	if s.CPU != nil {
		if err := checkText("cpu", s.CPU.Model, s.CPU.Vendor); err != nil {
			return err
		}
	}
	return checkText("system", s.OS, s.Platform, s.PlatformVersion, s.KernelVersion, s.KernelArch, s.Virtualization, s.VirtRole)
}

func (c *Claims) checkPCI() error {
	if len(c.PCI) > MaxPCI {
		return fmt.Errorf("host: %d PCI devices, limit %d", len(c.PCI), MaxPCI)
	}
	last := ""
	for i, d := range c.PCI {
		what := fmt.Sprintf("pci[%d]", i)
		if d.Address <= last || !validAddress(d.Address) || d.PhysFn != "" && !validAddress(d.PhysFn) {
			return fmt.Errorf("host: %s: address %q not in form or order", what, d.Address)
		}
		last = d.Address
		if d.Vendor > 0xffff || d.Device > 0xffff || d.Class > 0xffffff || over(d.SubsystemVendor, 0xffff) || over(d.SubsystemDevice, 0xffff) || over(d.Revision, 0xff) {
			return fmt.Errorf("host: %s: identifier out of range", what)
		}
		if err := checkBARs(what, d.BARs); err != nil {
			return err
		}
		if err := checkText(what, d.Driver); err != nil {
			return err
		}
	}
	return nil
}

func over(p *uint64, limit uint64) bool { return p != nil && *p > limit }

func checkBARs(what string, bars []BAR) error {
	next := uint64(0)
	for _, b := range bars {
		if b.Index < next || b.Index >= MaxBARs || b.SizeBytes == 0 {
			return fmt.Errorf("host: %s: base address register %d out of order or empty", what, b.Index)
		}
		next = b.Index + 1
	}
	return nil
}

func (c *Claims) checkRDMA() error {
	if len(c.RDMA) > MaxRDMAPorts {
		return fmt.Errorf("host: %d RDMA ports, limit %d", len(c.RDMA), MaxRDMAPorts)
	}
	for i, p := range c.RDMA {
		if i > 0 && !portLess(c.RDMA[i-1], p) {
			return fmt.Errorf("host: rdma[%d]: not in order", i)
		}
		if p.Device == "" || p.Address != "" && !validAddress(p.Address) {
			return fmt.Errorf("host: rdma[%d]: name or address not in form", i)
		}
		if err := checkText("rdma", p.Device, p.LinkLayer, p.State, p.RateText); err != nil {
			return err
		}
	}
	return nil
}

func portLess(a, b RDMAPort) bool {
	return a.Device < b.Device || a.Device == b.Device && a.Port < b.Port
}

func (c *Claims) checkDMI() error {
	d := c.DMI
	if d == nil {
		return nil
	}
	return checkText("dmi", d.SysVendor, d.ProductName, d.BoardName, d.BIOSVendor, d.BIOSVersion, d.BIOSDate, d.ChassisType,
		d.ProductSerial, d.BoardSerial, d.ChassisSerial)
}

func (c *Claims) checkKernel() error {
	k := c.Kernel
	switch k.Lockdown {
	case "", "none", "integrity", "confidentiality":
	default:
		return fmt.Errorf("host: kernel: unknown lockdown %q", k.Lockdown)
	}
	if n := len(k.IMAPolicySHA256); n != 0 && n != 32 || (n == 0) != (k.IMAPolicyRules == nil) {
		return fmt.Errorf("host: kernel: IMA policy digest of %d bytes", n)
	}
	return checkText("kernel", k.Cmdline)
}

func (c *Claims) checkNVIDIA() error {
	if m := c.NVIDIAModule; m != nil {
		if len(m.BuildID) > maxBuildID {
			return fmt.Errorf("host: nvidia_module: build id of %d bytes", len(m.BuildID))
		}
		if err := checkText("nvidia_module", m.Version, m.SrcVersion); err != nil {
			return err
		}
		if err := m.File.check(whatModule); err != nil {
			return err
		}
	}
	n := c.NVIDIA
	if n == nil {
		return nil
	}
	if len(n.GPUs) > MaxGPUs {
		return fmt.Errorf("host: nvidia: %d GPUs, limit %d", len(n.GPUs), MaxGPUs)
	}
	last := ""
	for i, g := range n.GPUs {
		if g.Address <= last || !validAddress(g.Address) {
			return fmt.Errorf("host: nvidia.gpus[%d]: address %q not in form or order", i, g.Address)
		}
		last = g.Address
		if err := checkText("nvidia.gpus", g.Model, g.UUID, g.VBIOS, g.Firmware, g.BusType, g.Excluded); err != nil {
			return err
		}
	}
	return checkText("nvidia", n.Version, n.Banner)
}

// validAddress accepts DDDD:BB:DD.F in lower-case hexadecimal; domains of
// virtual bridges (VMD) have more than four digits.
func validAddress(s string) bool {
	if len(s) < 12 || len(s) > 16 {
		return false
	}
	n := len(s)
	shape := strings.Repeat("x", n-8) + ":xx:xx.x"
	for i := range n {
		isHex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if shape[i] == 'x' && !isHex || shape[i] != 'x' && s[i] != shape[i] {
			return false
		}
	}
	return true
}
