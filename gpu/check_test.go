package gpu

import (
	"os"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
)

func TestCheckRejectsWhatTheFormatForbids(t *testing.T) {
	for want, spoil := range map[string]func(*Claims){
		"neither given nor named":      func(c *Claims) { c.GPUs[0].UUID = nil },
		"gpu[00000000:01:00.0].memory": func(c *Claims) { c.GPUs[0].Memory = nil },
		"driver_version: neither":      func(c *Claims) { c.DriverVersion = nil },
		"nvlink: neither":              func(c *Claims) { c.GPUs[1].Links = nil },
		"processes: neither":           func(c *Claims) { c.GPUs[1].Processes = nil },
		"common_ancestor: neither":     func(c *Claims) { c.Pairs[0].CommonAncestor = nil },
		"out of order":                 func(c *Claims) { c.GPUs[0], c.GPUs[1] = c.GPUs[1], c.GPUs[0] },
		"pairs of":                     func(c *Claims) { c.Pairs = c.Pairs[1:] },
		"want (0,1)":                   func(c *Claims) { c.Pairs[0].B = 2 },
		"none is an absence":           func(c *Claims) { c.GPUs = nil },
		"not an address":               func(c *Claims) { c.GPUs[0].PCI.Address = "0000:01:00.0" },
		"more than 16 bits":            func(c *Claims) { c.GPUs[0].PCI.DeviceID = 1 << 16 },
		"uuid: not clean":              func(c *Claims) { c.GPUs[0].UUID = ptr("GPU\x1b[2J") },
		"name: not clean":              func(c *Claims) { c.GPUs[0].Name = ptr(strings.Repeat("x", MaxText+1)) },
		"serial: not clean":            func(c *Claims) { c.GPUs[0].Serial = ptr("") },
		"how: not clean":               func(c *Claims) { c.How = "" },
		"architecture: ":               func(c *Claims) { c.GPUs[0].Architecture = ptr("Hopper") },
		"brand: ":                      func(c *Claims) { c.GPUs[0].Brand = ptr("code-2") },
		"common_ancestor: \"close\"":   func(c *Claims) { c.Pairs[1].CommonAncestor = ptr("close") },
		"MAJOR.MINOR":                  func(c *Claims) { c.GPUs[0].ComputeCapability = ptr("9") },
		"temperature: 1001":            func(c *Claims) { c.GPUs[0].Temperature.GPU = ptr(int64(1001)) },
		"percent":                      func(c *Claims) { c.GPUs[0].Utilisation = &Usage{GPU: 101} },
		"performance_state: 32":        func(c *Claims) { c.GPUs[0].PerformanceState = ptr(uint64(32)) },
		"links, limit":                 func(c *Claims) { c.GPUs[0].Links = make([]Link, MaxLinks+1) },
		"nvlink[0]: out of order":      func(c *Claims) { c.GPUs[0].Links = append(c.GPUs[0].Links, Link{}) },
		"remote_pci":                   func(c *Claims) { c.GPUs[0].Links[0].RemotePCI = ptr("switch") },
		"remote_type":                  func(c *Claims) { c.GPUs[0].Links[0].RemoteType = ptr("ethernet") },
		"cluster_uuid":                 func(c *Claims) { c.GPUs[0].Fabric = &Fabric{State: "completed", Cluster: "00"} },
		"fabric state":                 func(c *Claims) { c.GPUs[0].Fabric = &Fabric{Cluster: strings.Repeat("0", 32)} },
		"process of kind":              func(c *Claims) { c.GPUs[0].Processes = []Process{{Kind: "shell", PID: 1}} },
		"processes[mps,1]: out":        func(c *Claims) { c.GPUs[0].Processes = []Process{{Kind: "mps", PID: 1}, {Kind: "mps", PID: 1}} },
		"pid":                          func(c *Claims) { c.GPUs[0].Processes = []Process{{Kind: "mps", PID: 1 << 32}} },
		"absent: ":                     func(c *Claims) { c.Absent[0], c.Absent[1] = c.Absent[1], c.Absent[0] },
		"unknown reason":               func(c *Claims) { c.Absent[0].Reason = "tired" },
	} {
		t.Run(want, func(t *testing.T) {
			c := snapshot(t, fake{n: 3})
			spoil(c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want ...%s...", err, want)
			}
		})
	}
}

func TestCheckAcceptsCodesOfNewerDrivers(t *testing.T) {
	c := snapshot(t, fake{n: 1})
	c.GPUs[0].Architecture = ptr(Architecture.Name(11))
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestSetNamesEachCodeInOneWay(t *testing.T) {
	for _, name := range []string{"code-9", "code-011", "code-+11", "code--1", "code-", "code-4294967296", ""} {
		if Architecture.Has(name) {
			t.Errorf("%q accepted", name)
		}
	}
	if !Architecture.Has("hopper") || !Architecture.Has("code-11") || len(Architecture.Names()) != 10 {
		t.Error("known names refused")
	}
}

func TestParseRejectsOversize(t *testing.T) {
	if _, err := Parse(make([]byte, MaxClaimsSize+1)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Error(err)
	}
}

func TestAddressHasOneForm(t *testing.T) {
	for _, a := range []string{"", "0000:1b:00.0", "00000000:1B:00.0", "00000000:1b:20.0", "00000000:1b:00.8", "00000000-1b:00.0", "00000000:1b:00.0 ", "0000000g:1b:00.0"} {
		if isAddress(a) {
			t.Errorf("%q accepted", a)
		}
	}
	if a := Address(0xFFFFFFFF, 0xFF, 0x1F); !isAddress(a) {
		t.Errorf("%q refused", a)
	}
}

func TestSysfsNamesAreLinuxs(t *testing.T) {
	for in, want := range map[string]string{"00000000:1b:00.0": "0000:1b:00.0", "00010000:81:00.0": "10000:81:00.0", "00000001:00:00.0": "0001:00:00.0"} {
		if got := (PCI{Address: in}).Sysfs(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestWhyPrefersTheNearestAbsence(t *testing.T) {
	c := &Claims{Absent: []attest.Absence{attest.Absent("gpu[*].serial", attest.NotSupported, ""),
		attest.Absent("gpu[00000000:01:00.0]", attest.Failed, ""), attest.Absent("gpu[*].nvlink[*].version", attest.NotYet, "")}}
	for path, want := range map[string]attest.Reason{
		"gpu[00000000:01:00.0].serial":            attest.Failed,
		"gpu[00000000:02:00.0].serial":            attest.NotSupported,
		"gpu[00000000:02:00.0].nvlink[3].version": attest.NotYet,
	} {
		if a, ok := c.Why(path); !ok || a.Reason != want {
			t.Errorf("%s: %v, %v", path, a, ok)
		}
	}
	if a, ok := c.Why("gpu[00000000:02:00.0].uuid"); ok {
		t.Errorf("an absence of what is not absent: %v", a)
	}
}

// The claims of a simulated 8 x H100 host as the probe made them.
func h100(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/h100-sxm-8.cbor")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseAcceptsWhatTheProbeMade(t *testing.T) {
	c, err := Parse(h100(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.GPUs) != 8 || len(c.GPUs[7].Links) != 18 || *c.GPUs[0].Name != "NVIDIA H100 80GB HBM3" {
		t.Errorf("%d GPUs, %s", len(c.GPUs), *c.GPUs[0].Name)
	}
}

func BenchmarkParse8(b *testing.B) {
	enc := h100(b)
	b.SetBytes(int64(len(enc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(enc); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck8(b *testing.B) {
	c, err := Parse(h100(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Check(); err != nil {
			b.Fatal(err)
		}
	}
}
