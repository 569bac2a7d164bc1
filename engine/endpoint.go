package engine

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// endpoint is a configured address. Names other than localhost are not resolved:
// an answer from the network must not decide which process is measured.
type endpoint struct {
	addrs []netip.Addr // in the order in which they are tried
	port  uint16
}

func parseEndpoint(s string) (endpoint, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return endpoint{}, fmt.Errorf("endpoint %q: not a URL with a host", s)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return endpoint{}, fmt.Errorf("endpoint %q: no port", s)
	}
	host := u.Hostname()
	if strings.EqualFold(host, "localhost") {
		return endpoint{[]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, uint16(n)}, nil
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return endpoint{}, fmt.Errorf("endpoint %q: give the address, names are not resolved", s)
	}
	return endpoint{[]netip.Addr{a.Unmap().WithZone("")}, uint16(n)}, nil
}

// key tells endpoints apart that are tried at different addresses.
func (e endpoint) key() string { return fmt.Sprint(e.addrs, e.port) }

func (e endpoint) String() string { return netip.AddrPortFrom(e.addrs[0], e.port).String() }

// rank says how well a listening address serves addr, as the kernel prefers
// them: the address itself, then the wildcard of its family, then the other
// family's wildcard, which takes IPv4 unless told not to. 0 means not at all.
func rank(listening, addr netip.Addr) int {
	l := listening.Unmap()
	switch {
	case addr.IsUnspecified():
		return 1 // the operator named no address: whoever listens on the port
	case l == addr:
		return 3
	case l.IsUnspecified() && l.Is4() == addr.Is4():
		return 2
	case l.IsUnspecified() && l.Is6() && addr.Is4():
		return 1
	}
	return 0
}
