package gpu

import (
	"fmt"
	"strings"
)

// isAddress accepts NVML's own spelling in lower case, "00000000:1b:00.0", with eight
// digits of domain. Linux writes four (and five for the domains of VMD), so strings
// are not comparable between the two: compare Sysfs.
func isAddress(a string) bool {
	const form = "hhhhhhhh:hh:dh.f" // hex digit, 0 or 1, function 0 to 7
	if len(a) != len(form) {
		return false
	}
	for i := range len(form) {
		c := a[i]
		digit := c >= '0' && c <= '9'
		ok := c == form[i]
		switch form[i] {
		case 'h':
			ok = digit || c >= 'a' && c <= 'f'
		case 'd':
			ok = c == '0' || c == '1'
		case 'f':
			ok = c >= '0' && c <= '7'
		}
		if !ok {
			return false
		}
	}
	return true
}

// Address writes a PCI address as claims do. NVML never names the function: a GPU is function 0.
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
