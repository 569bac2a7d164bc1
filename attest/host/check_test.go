package host

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestCheckRejects(t *testing.T) {
	for name, spoil := range map[string]func(*Claims){
		"devices out of order":     func(c *Claims) { c.PCI[0], c.PCI[1] = c.PCI[1], c.PCI[0] },
		"device twice":             func(c *Claims) { c.PCI[1] = c.PCI[0] },
		"address not in form":      func(c *Claims) { c.PCI[0].Address = "0000:0G:00.0" },
		"physfn not in form":       func(c *Claims) { c.PCI[0].PhysFn = "x" },
		"vendor over 16 bits":      func(c *Claims) { c.PCI[0].Vendor = 1 << 16 },
		"revision over 8 bits":     func(c *Claims) { n := uint64(256); c.PCI[0].Revision = &n },
		"empty BAR":                func(c *Claims) { c.PCI[0].BARs[0].SizeBytes = 0 },
		"BAR 6":                    func(c *Claims) { c.PCI[0].BARs[0].Index = 6 },
		"control character":        func(c *Claims) { c.DMI.SysVendor = "a\nb" },
		"driver text too long":     func(c *Claims) { c.PCI[0].Driver = strings.Repeat("x", attest.MaxText+1) },
		"lockdown unknown":         func(c *Claims) { c.Kernel.Lockdown = "some" },
		"ima digest short":         func(c *Claims) { n := uint64(1); c.Kernel.IMAPolicySHA256, c.Kernel.IMAPolicyRules = []byte{1}, &n },
		"ima rules without digest": func(c *Claims) { n := uint64(1); c.Kernel.IMAPolicyRules = &n },
		"absence reason unknown":   func(c *Claims) { c.Absent[0].Reason = "because" },
		"ports twice":              func(c *Claims) { c.RDMA = append(c.RDMA, c.RDMA[0]) },
		"port without device":      func(c *Claims) { c.RDMA[0].Device = "" },
		"gpu twice":                func(c *Claims) { c.NVIDIA.GPUs[1] = c.NVIDIA.GPUs[0] },
		"library digest short":     func(c *Claims) { c.NVMLLibrary = &MappedFile{FSVerity: make([]byte, 31), SHA256: make([]byte, 32)} },
		"build id long":            func(c *Claims) { c.NVIDIAModule.BuildID = make([]byte, 65) },
		"too many devices":         func(c *Claims) { c.PCI = make([]PCIDevice, MaxPCI+1) },
		"too many gpus":            func(c *Claims) { c.NVIDIA.GPUs = make([]NVIDIAGPU, MaxGPUs+1) },
		"cpu text":                 func(c *Claims) { c.System = &System{CPU: &CPU{Model: "\x00"}} },
		"how text":                 func(c *Claims) { c.How = "\x1b[2J" },
	} {
		c := read(t, tree(t))
		spoil(c)
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := attest.Marshal(read(f, tree(f)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if again, err := attest.Marshal(c); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("round trip: %v", err)
		}
	})
}

func FuzzParseResource(f *testing.F) {
	f.Add("0x0000000000000000 0x0000000000ffffff 0x000000000014220c\n")
	f.Fuzz(func(t *testing.T, s string) {
		bars, err := parseResource(s)
		if err == nil && checkBARs("x", bars) != nil {
			t.Fatalf("%+v", bars)
		}
	})
}

func FuzzParseNVIDIA(f *testing.F) {
	m := tree(f)
	f.Add(string(m["proc/driver/nvidia/version"].Data))
	f.Add(string(m["proc/driver/nvidia/gpus/0000:19:00.0/information"].Data))
	f.Fuzz(func(t *testing.T, s string) {
		banner, version, err := parseVersion(s)
		if err == nil && (version == "" || !strings.Contains(banner, version)) {
			t.Fatalf("%q in %q", version, banner)
		}
		g, _ := parseInformation("0000:19:00.0", s)
		c := Claims{NVIDIA: &NVIDIA{Version: version, Banner: banner, GPUs: []NVIDIAGPU{g}}}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParseBuildID(f *testing.F) {
	f.Add([]byte("\x04\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00GNU\x00\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if id, err := parseBuildID(b); err == nil && (len(id) == 0 || len(id) > maxBuildID) {
			t.Fatalf("%d bytes", len(id))
		}
	})
}
