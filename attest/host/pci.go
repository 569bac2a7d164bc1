package host

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

const (
	pciDir       = "sys/bus/pci/devices"
	maxListed    = 65536 // entries of a sysfs directory
	vendorNVIDIA = 0x10de
	classNetwork = 0x02 // Ethernet 0200, InfiniBand 0207
	classDisplay = 0x03 // VGA 0300, 3D 0302
	classAccel   = 0x12 // processing accelerators
)

// relevant picks the devices an inference host is judged by. NVSwitches are
// NVIDIA bridges of class 0680, so every NVIDIA device is taken.
func relevant(vendor, class uint64) bool {
	c := class >> 16
	return vendor == vendorNVIDIA || c == classNetwork || c == classDisplay || c == classAccel
}

// pci reads the devices. Attributes that a device does not have are counted and
// stated once for all devices, or a host with a hundred of them would state hundreds of absences.
func (w *reading) pci(ctx context.Context) []PCIDevice {
	var out []PCIDevice
	missing := map[string][]string{}
	for _, addr := range w.list("pci", pciDir, maxListed) {
		if err := ctx.Err(); err != nil {
			w.absent.Err("pci", err)
			break
		}
		d, ok := w.pciIdentity(addr)
		if !ok || !relevant(d.Vendor, d.Class) {
			continue
		}
		if len(out) == MaxPCI {
			w.absent.Err("pci", fmt.Errorf("%w of %d devices", proc.ErrOversize, MaxPCI))
			break
		}
		w.pciDetails(&d, missing)
		out = append(out, d)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		who := missing[name]
		w.absent.Err("pci[*]."+name, fmt.Errorf("%w: %d of %d devices, first %s", fs.ErrNotExist, len(who), len(out), who[0]))
	}
	return out
}

// pciIdentity reads what every device has; one without it cannot be classed.
func (w *reading) pciIdentity(addr string) (d PCIDevice, ok bool) {
	d.Address = addr
	if !validAddress(addr) {
		return d, false
	}
	for name, to := range map[string]*uint64{"vendor": &d.Vendor, "device": &d.Device, "class": &d.Class} {
		s, err := w.text(pciDir + "/" + addr + "/" + name)
		if err == nil {
			*to, err = strconv.ParseUint(s, 0, 24)
		}
		if err != nil {
			w.absent.Err("pci["+addr+"]."+name, err)
			return d, false
		}
	}
	return d, true
}

// attribute is one optional number of a device.
type attribute struct {
	key, file string
	to        **uint64
	parse     func(string) (uint64, bool)
}

func (w *reading) pciDetails(d *PCIDevice, missing map[string][]string) {
	dir := pciDir + "/" + d.Address + "/"
	for _, a := range []attribute{
		{"subsystem_vendor_id", "subsystem_vendor", &d.SubsystemVendor, hex(0xffff)},
		{"subsystem_device_id", "subsystem_device", &d.SubsystemDevice, hex(0xffff)},
		{"revision", "revision", &d.Revision, hex(0xff)},
		{"link_speed_mts", "current_link_speed", &d.LinkSpeedMTs, speed},
		{"link_speed_max_mts", "max_link_speed", &d.LinkSpeedMaxMTs, speed},
		{"link_width", "current_link_width", &d.LinkWidth, width},
		{"link_width_max", "max_link_width", &d.LinkWidthMax, width},
		{"sriov_total_vfs", "sriov_totalvfs", &d.SRIOVTotalVFs, decimal},
		{"sriov_vfs", "sriov_numvfs", &d.SRIOVVFs, decimal},
		{"numa_node", "numa_node", &d.NUMANode, decimal}, // -1: none
	} {
		s, err := w.text(dir + a.file)
		if err != nil && proc.Reason(err) != "not-present" {
			w.absent.Err("pci["+d.Address+"]."+a.key, err)
		} else if n, ok := a.parse(s); err == nil && ok {
			*a.to = &n
		} else {
			missing[a.key] = append(missing[a.key], d.Address)
		}
	}
	w.pciLinks(d, dir, missing)
	b, err := w.raw(dir+"resource", maxAttribute)
	if err == nil {
		d.BARs, err = parseResource(string(b))
	}
	if err != nil {
		w.absent.Err("pci["+d.Address+"].bars", err)
	}
}

func (w *reading) pciLinks(d *PCIDevice, dir string, missing map[string][]string) {
	var group string
	for key, to := range map[string]*string{"physfn": &d.PhysFn, "driver": &d.Driver, "iommu_group": &group} {
		s, err := w.link(dir + key)
		switch {
		case err != nil:
			w.absent.Err("pci["+d.Address+"]."+key, err)
		case s == "" && key != "physfn": // every device but a virtual function lacks it: not worth stating
			missing[key] = append(missing[key], d.Address)
		default:
			*to = s
		}
	}
	if n, ok := decimal(group); ok {
		d.IOMMUGroup = &n
	}
	if !validAddress(d.PhysFn) {
		d.PhysFn = ""
	}
}

func hex(limit uint64) func(string) (uint64, bool) {
	return func(s string) (uint64, bool) {
		n, err := strconv.ParseUint(s, 0, 64)
		return n, err == nil && n <= limit
	}
}

func decimal(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// speed reads "32.0 GT/s PCIe" as 32000; "Unknown" is no speed.
func speed(s string) (uint64, bool) {
	num, _, ok := strings.Cut(s, " GT/s")
	whole, frac, _ := strings.Cut(num, ".")
	n, err := strconv.ParseUint(whole, 10, 16)
	if !ok || err != nil || n == 0 || len(frac) > 3 {
		return 0, false
	}
	m, err := strconv.ParseUint((frac + "000")[:3], 10, 16)
	return n*1000 + m, err == nil
}

// width reads a number of lanes; 0 and 255 mean that the device did not answer.
func width(s string) (uint64, bool) {
	n, ok := decimal(s)
	return n, ok && n > 0 && n <= 32
}

// parseResource reads the sizes of the first six lines "start end flags" of the
// resource attribute (kernel: PCI/sysfs-pci). An unused register is all zeroes.
func parseResource(s string) ([]BAR, error) {
	bars := []BAR{}
	i := uint64(0)
	for line := range strings.Lines(s) {
		if i == MaxBARs {
			break
		}
		f := strings.Fields(line)
		if len(f) != 3 {
			return nil, fmt.Errorf("resource line %d: %w", i, proc.ErrSyntax)
		}
		start, err1 := strconv.ParseUint(f[0], 0, 64)
		end, err2 := strconv.ParseUint(f[1], 0, 64)
		flags, err3 := strconv.ParseUint(f[2], 0, 64)
		if err1 != nil || err2 != nil || err3 != nil || end < start || end-start == 1<<64-1 {
			return nil, fmt.Errorf("resource line %d: %w", i, proc.ErrSyntax)
		}
		if flags != 0 {
			bars = append(bars, BAR{i, end - start + 1})
		}
		i++
	}
	return bars, nil
}
