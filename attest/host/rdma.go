package host

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-attest/hallmark/internal/proc"
)

const rdmaDir = "sys/class/infiniband"

// rdma reads the ports of the RDMA devices. link_layer "Ethernet" is RoCE: a
// fabric that can be shown as a substitute for NVLink at a thirtieth of its rate.
func (w *reading) rdma(ctx context.Context) []RDMAPort {
	var out []RDMAPort
	for _, dev := range w.list("rdma", rdmaDir, MaxRDMAPorts) {
		ports := w.list("rdma["+dev+"].ports", rdmaDir+"/"+dev+"/ports", MaxRDMAPorts)
		for _, port := range ports {
			n, err := strconv.ParseUint(port, 10, 32)
			if err == nil && len(out) == MaxRDMAPorts {
				err = fmt.Errorf("%w of %d ports", proc.ErrOversize, MaxRDMAPorts)
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				w.absent.Err("rdma", err)
				continue
			}
			out = append(out, w.rdmaPort(dev, n))
		}
	}
	slices.SortFunc(out, func(a, b RDMAPort) int {
		if portLess(a, b) {
			return -1
		}
		return 1
	})
	return out
}

func (w *reading) rdmaPort(dev string, n uint64) RDMAPort {
	what := fmt.Sprintf("rdma[%s/%d].", dev, n)
	dir := fmt.Sprintf("%s/%s/ports/%d/", rdmaDir, dev, n)
	p := RDMAPort{Device: dev, Port: n}
	addr, err := w.link(rdmaDir + "/" + dev + "/device")
	if err == nil && validAddress(addr) {
		p.Address = addr
	} else {
		w.absent.Err(what+"address", fmt.Errorf("link to the PCI device %q: %w", addr, proc.ErrSyntax))
	}
	w.optional(what+"link_layer", dir+"link_layer", &p.LinkLayer)
	w.optional(what+"rate", dir+"rate", &p.RateText)
	if p.RateText != "" {
		if n, ok := rate(p.RateText); ok {
			p.RateMbps = &n
		} else {
			w.absent.Err(what+"rate_mbps", fmt.Errorf("%q: %w", p.RateText, proc.ErrSyntax))
		}
	}
	w.optional(what+"state", dir+"state", &p.State)
	if _, name, ok := strings.Cut(p.State, ": "); ok {
		p.State = name
	}
	return p
}

// rate reads "400 Gb/sec (4X NDR)" as 400000 and "2.5 Gb/sec (1X SDR)" as 2500.
func rate(s string) (uint64, bool) {
	num, _, ok := strings.Cut(s, " Gb/sec")
	if !ok {
		return 0, false
	}
	return speed(num + " GT/s")
}
