package verify

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
	"github.com/hallmark-attest/hallmark/verify/catalogue"
	"github.com/hallmark-attest/hallmark/verify/rules"
)

// GPUName is what a verdict keeps of a GPU: a digest of its UUID, which alone tells nobody which card it is.
func GPUName(uuid string) attest.Digest {
	return sha256.Sum256([]byte("hallmark/gpu-uuid/1" + uuid))
}

// gpuNames are the names of the whole boards in claims, sorted; more than a verdict holds are left out.
func gpuNames(c *gpu.Claims) (names []attest.Digest) {
	for i := range c.GPUs {
		if d := &c.GPUs[i]; d.UUID != nil && sliced(d) == "" {
			names = append(names, GPUName(*d.UUID))
		}
	}
	slices.SortFunc(names, func(a, b attest.Digest) int { return bytes.Compare(a[:], b[:]) })
	names = slices.Compact(names)
	return names[:min(len(names), attest.MaxVerdictGPUs)]
}

func (ap *Appraised) verdictGPUs() *attest.VerdictGPUs {
	if ap.gpuClaims == nil {
		return nil
	}
	names := gpuNames(ap.gpuClaims)
	if len(names) == 0 {
		return nil
	}
	return &attest.VerdictGPUs{Names: names, Assurance: string(ap.claims[attest.KindGPU].Assurance)}
}

// PeekGPUs reads from a record, unchecked, which GPUs it states: what to look for in a history.
func PeekGPUs(record []byte) []attest.Digest {
	r, err := peekRecord(record)
	if err != nil {
		return nil
	}
	b, err := peekBound(r)
	if err != nil {
		return nil
	}
	body, ok := b.Submods[attest.KindGPU]
	if !ok {
		return nil
	}
	c, err := gpu.Parse(body)
	if err != nil {
		return nil
	}
	return gpuNames(c)
}

func (ap *Appraised) gpuInput() (out []rules.GPU, why string) {
	c := ap.gpuClaims
	if c == nil {
		return nil, ap.why(attest.KindGPU)
	}
	for i := range c.GPUs {
		out = append(out, gpuInput(&c.GPUs[i], ap.source(attest.KindGPU)))
	}
	return out, "the claims name no GPU"
}

func gpuInput(d *gpu.Device, from rules.Source) rules.GPU {
	g := rules.GPU{Name: fmt.Sprintf("GPU %d", d.Index), From: from, Named: text(d.Name), Sliced: sliced(d), Architecture: text(d.Architecture), ComputeCapability: text(d.ComputeCapability),
		MemoryBusBits: float(d.MemoryBusBits), CUDACores: float(d.CUDACores)}
	if d.PCI != nil {
		g.Name, g.Key = "GPU "+d.PCI.Address, d.PCI.Address
		g.Model = catalogue.ByDeviceID(d.PCI.VendorID, d.PCI.DeviceID)
	}
	if d.UUID != nil {
		g.Identity = GPUName(*d.UUID).String()
	}
	if d.Memory != nil {
		mib := float64(d.Memory.TotalBytes) / (1 << 20)
		g.MemoryMiB = &mib
	}
	if d.Links != nil {
		active := 0
		known := true
		for _, l := range d.Links {
			if known = known && l.Active != nil; l.Active != nil && *l.Active {
				active++
			}
		}
		if known {
			g.ActiveLinks = &active
		}
	}
	return g
}

// sliced says why a device is not a board of its own.
func sliced(d *gpu.Device) string {
	switch {
	case d.MIG != nil && d.MIG.Current:
		return "MIG"
	case d.Virtualization != nil && *d.Virtualization != "none" && *d.Virtualization != "passthrough":
		return *d.Virtualization
	}
	return ""
}

// confidentialInput is what the driver claims of protected GPUs.
func (ap *Appraised) confidentialInput() *rules.Confidential {
	c := ap.gpuClaims
	if c == nil || c.Confidential.Feature == nil || *c.Confidential.Feature != "enabled" {
		return nil
	}
	return &rules.Confidential{From: ap.source(attest.KindGPU), Devices: len(c.GPUs)}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func float(n *uint64) *float64 {
	if n == nil {
		return nil
	}
	v := float64(*n)
	return &v
}
