package gpu

import (
	"fmt"
	"regexp"
	"strings"
)

// address is NVML's own spelling in lower case: eight digits of domain. Linux
// writes four (and five for the domains of VMD), so strings are not comparable
// between the two: compare Sysfs.
var address = regexp.MustCompile(`^[0-9a-f]{8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$`)

// Address writes a PCI address as claims do. NVML names functions never: GPUs are function 0.
func Address(domain, bus, device uint32) string {
	return fmt.Sprintf("%08x:%02x:%02x.0", domain, bus, device)
}

// Sysfs is the name of the device under /sys/bus/pci/devices.
func (p PCI) Sysfs() string { return SysfsAddress(p.Address) }

// SysfsAddress turns an address of these claims into its name under /sys/bus/pci/devices.
func SysfsAddress(a string) string {
	domain, rest, ok := strings.Cut(a, ":")
	if !ok {
		return a
	}
	domain = strings.TrimLeft(domain, "0")
	return strings.Repeat("0", max(0, 4-len(domain))) + domain + ":" + rest
}
