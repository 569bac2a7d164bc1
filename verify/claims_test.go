package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/engine/census"
	"github.com/hallmark-attest/hallmark/gpu"
)

// Claims are what a hostile node writes most freely. These tests hand each kind's
// parser canonical bytes that break one rule of form, beside the packages' own tests.

// says is a change and a part of the reason it must be refused with; an empty reason means accepted.
type says[T any] struct {
	why    string
	change func(*T)
}

func checkClaims[T any](t *testing.T, kind attest.Kind, good func() *T, parse func([]byte) (*T, error), list []says[T]) {
	t.Helper()
	if *update {
		forgetClaims(t, kind)
	}
	for i, s := range append([]says[T]{{"", func(*T) {}}}, list...) {
		c := good()
		s.change(c)
		b, err := attest.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(b); s.why == "" && err != nil || s.why != "" && (err == nil || !strings.Contains(err.Error(), s.why)) {
			t.Errorf("%d: %v, want %q", i, err, s.why)
		}
		if *update {
			writeClaims(t, kind, i, s.why, b)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestGPUClaimsOfWrongFormAreRefused(t *testing.T) {
	body := readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor")
	good := func() *gpu.Claims {
		c, err := gpu.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	list := []says[gpu.Claims]{
		{"how", func(c *gpu.Claims) { c.How = "" }},
		{"GPUs, limit", func(c *gpu.Claims) { c.GPUs = slices.Repeat(c.GPUs[:1], gpu.MaxDevices+1) }},
		{fmt.Sprintf("more than %d processes", gpu.MaxProcesses), func(c *gpu.Claims) {
			c.GPUs[0].Processes = nil
			for i := range gpu.MaxProcesses + 1 {
				c.GPUs[0].Processes = append(c.GPUs[0].Processes, gpu.Process{Kind: gpu.ProcessCompute, PID: uint64(i), UsedBytes: ptr(uint64(1))})
			}
		}},
		{"", func(c *gpu.Claims) {
			c.GPUs[0].Processes = []gpu.Process{{Kind: gpu.ProcessGraphics, PID: 1, UsedBytes: ptr(uint64(1))}}
		}},
		{"want (0,1)", func(c *gpu.Claims) { c.Pairs[0].A = 1 }},
		{"index", func(c *gpu.Claims) { c.GPUs[0].Index = 1 << 16 }},
		{"temperature: -1001", func(c *gpu.Claims) { c.GPUs[0].Temperature.GPU = ptr(int64(-1001)) }},
		{"out of order or over the limit", func(c *gpu.Claims) { c.GPUs[0].Links[len(c.GPUs[0].Links)-1].Number = gpu.MaxLinks }},
		{"not an address", func(c *gpu.Claims) { c.GPUs[0].PCI.Address = "0000000/:19:00.0" }},
		{"not an address", func(c *gpu.Claims) { c.GPUs[0].PCI.Address = "00000000:19:00./" }},
	}
	for _, field := range []func(*gpu.Temperature) **int64{
		func(x *gpu.Temperature) **int64 { return &x.GPU }, func(x *gpu.Temperature) **int64 { return &x.Memory },
		func(x *gpu.Temperature) **int64 { return &x.Shutdown }, func(x *gpu.Temperature) **int64 { return &x.Slowdown },
		func(x *gpu.Temperature) **int64 { return &x.MemoryMax }, func(x *gpu.Temperature) **int64 { return &x.GPUMax },
		func(x *gpu.Temperature) **int64 { return &x.ShutdownTLimit }, func(x *gpu.Temperature) **int64 { return &x.SlowdownTLimit },
		func(x *gpu.Temperature) **int64 { return &x.MemoryMaxTLimit }, func(x *gpu.Temperature) **int64 { return &x.GPUMaxTLimit },
	} {
		list = append(list, says[gpu.Claims]{"temperature: 1001", func(c *gpu.Claims) { *field(&c.GPUs[0].Temperature) = ptr(int64(1001)) }})
	}
	checkClaims(t, attest.KindGPU, good, gpu.Parse, list)
}

func TestEngineClaimsOfWrongFormAreRefused(t *testing.T) {
	good := func() *engine.Claims {
		return &engine.Claims{ObtainedAt: 1, How: "procfs", Engines: []engine.Engine{*serving(t)}}
	}
	type e = engine.Engine
	bare := func(x *e) *engine.FileDigest {
		x.Weights[0].FileDigest = engine.FileDigest{SizeBytes: 1}
		return &x.Weights[0].FileDigest
	}
	model := func(x *e) *engine.Model {
		x.Models[0].Entries = nil
		return &x.Models[0]
	}
	counted := func(x *e) *census.Census {
		x.Models[0].Census = &census.Census{Format: census.FormatSafetensors, Files: 1, Tensors: 1, Parameters: 2,
			ByType: []census.TypeCount{{Type: "bf16", Scheme: "none", Tensors: 1, Parameters: 2, StorageBytes: 4, MilliBits: 16000}}}
		return x.Models[0].Census
	}
	var list []says[engine.Claims]
	for _, s := range []says[e]{
		{"text", func(x *e) { x.Name = "a\x1b" }},
		{"text", func(x *e) { x.Listening = []engine.Listening{{Address: "\n", Port: 1}} }},
		{"public: 17", func(x *e) { x.Public = make([]string, engine.MaxPublic+1) }},
		{"listening: 17", func(x *e) { x.Listening = slices.Repeat([]engine.Listening{{Port: 1}}, engine.MaxListening+1) }},
		{"tree: 257", func(x *e) { x.Tree = make([]engine.Child, engine.MaxProcesses+1) }},
		{"sharing_pids: 257", func(x *e) { x.Sharing = make([]uint64, engine.MaxProcesses+1) }},
		{"weights: 1025", func(x *e) { x.Weights = slices.Repeat(x.Weights, engine.MaxWeights+1) }},
		{"models: 65", func(x *e) { x.Models = slices.Repeat(x.Models, attest.MaxModels+1) }},
		{"hops[0]", func(x *e) {
			x.Hops = []engine.Hop{{To: "x", Process: engine.Process{ExePath: "\n", Args: []engine.Pair{}, Environment: []engine.Pair{}}}}
		}},
		{"process: exe", func(x *e) { x.Process.Exe.FSVerity = x.Process.Exe.FSVerity[1:] }},
		{"", func(x *e) { x.Process = nil }},
		{"text", func(x *e) { x.Tree = []engine.Child{{PID: 1, ExePath: "\n"}} }},
		{"libraries[0]", func(x *e) { x.Libraries[0].FSVerity = []byte{1} }},
		{"65 flags", func(x *e) { x.Process.Args = make([]engine.Pair, engine.MaxFlags+1) }},
		{"33 variables", func(x *e) { x.Process.Environment = make([]engine.Pair, engine.MaxVariables+1) }},
		{"not in order", func(x *e) { x.Process.Environment = []engine.Pair{{Name: "B"}, {Name: "A"}} }},
		{"process: text", func(x *e) { x.Process.Args = []engine.Pair{{Name: "a", Value: "\n"}} }},
		{"process: text", func(x *e) { x.Process.Environment = []engine.Pair{{Name: "a", Value: "\n"}} }},
		{"", func(x *e) { bare(x) }},
		{"not there", func(x *e) { bare(x).SHA256 = make([]byte, 32) }},
		{"not there", func(x *e) { bare(x).DigestSource = engine.SourceKernel }},
		{"not there", func(x *e) { bare(x).Freshness = engine.FreshStat }},
		{"not there", func(x *e) { bare(x).DigestAtMs = 1 }},
		{"not there", func(x *e) { bare(x).CheckedAtMs = 1 }},
		{"", func(x *e) {
			x.Weights[0].DigestSource, x.Weights[0].Freshness = engine.SourceKernel, engine.FreshKernel
		}},
		{"size", func(x *e) { x.Weights[0].SizeBytes = engine.MaxFileBytes + 1 }},
		{"models[0]: text", func(x *e) { x.Models[0].Path = "\n" }},
		{"", func(x *e) { model(x) }},
		{"complete is true", func(x *e) { model(x).Digest = nil }},
		{"complete is true", func(x *e) { m := model(x); m.Digest = m.Digest[1:] }},
		{"complete is false", func(x *e) { model(x).Complete = false }},
		{"complete is false", func(x *e) { m := model(x); m.Complete, m.Digest = false, []byte{1} }},
		{"65537 files", func(x *e) { model(x).Files = attest.MaxModelFiles + 1 }},
		{"1025 entries", func(x *e) {
			m := model(x)
			m.Complete, m.Digest, m.Files, m.SizeBytes = false, nil, engine.MaxEntries+1, 0
			for i := range engine.MaxEntries + 1 {
				m.Entries = append(m.Entries, engine.Entry{Path: fmt.Sprintf("%04d", i)})
			}
		}},
		{"", func(x *e) { counted(x) }},
		{"unknown format", func(x *e) { counted(x).Format = "onnx" }},
		{"the types have", func(x *e) { counted(x).Parameters++ }},
		{"by_type[0]", func(x *e) { counted(x).ByType[0].MilliBits++ }},
		{"by_type[0]", func(x *e) { counted(x).ByType[0].Type = "fp64-e99" }},
		{"3 files", func(x *e) { counted(x).Files = 3 }},
		{"complete is false", func(x *e) { counted(x); x.Models[0].Complete, x.Models[0].Digest = false, nil }},
	} {
		list = append(list, says[engine.Claims]{s.why, func(c *engine.Claims) { s.change(&c.Engines[0]) }})
	}
	list = append(list, says[engine.Claims]{"engines", func(c *engine.Claims) { c.Engines = make([]e, engine.MaxEngines+1) }},
		says[engine.Claims]{"how", func(c *engine.Claims) { c.How = "\n" }})
	checkClaims(t, attest.KindEngine, good, engine.Parse, list)
}

func TestHostClaimsOfWrongFormAreRefused(t *testing.T) {
	device := func() host.PCIDevice {
		return host.PCIDevice{Address: "0000:19:00.0", Vendor: 0x10de, Device: 0x2330, Class: 0x30200, BARs: []host.BAR{{Index: 0, SizeBytes: 1}, {Index: 2, SizeBytes: 1}}}
	}
	good := func() *host.Claims {
		return &host.Claims{ObtainedAt: 1, How: "sysfs", PCI: []host.PCIDevice{device()}, RDMA: []host.RDMAPort{{Device: "mlx5_0", Port: 1}, {Device: "mlx5_0", Port: 2}, {Device: "mlx5_1", Port: 1}},
			NVIDIA: &host.NVIDIA{GPUs: []host.NVIDIAGPU{{Address: "0000:19:00.0"}}}, NVIDIAModule: &host.NVIDIAModule{}}
	}
	addressed := func(n int) (list []host.PCIDevice) {
		for i := range n {
			list = append(list, host.PCIDevice{Address: fmt.Sprintf("%04x:19:00.0", i), BARs: []host.BAR{}})
		}
		return list
	}
	list := []says[host.Claims]{
		{"", func(c *host.Claims) { c.PCI = addressed(host.MaxPCI) }},
		{"PCI devices, limit", func(c *host.Claims) { c.PCI = addressed(host.MaxPCI + 1) }},
		{"out of range", func(c *host.Claims) { c.PCI[0].Device = 1 << 16 }},
		{"out of range", func(c *host.Claims) { c.PCI[0].Class = 1 << 24 }},
		{"out of range", func(c *host.Claims) { c.PCI[0].SubsystemVendor = ptr(uint64(1 << 16)) }},
		{"out of range", func(c *host.Claims) { c.PCI[0].SubsystemDevice = ptr(uint64(1 << 16)) }},
		{"out of order or empty", func(c *host.Claims) { c.PCI[0].BARs[1].Index = 0 }},
		{"out of order or empty", func(c *host.Claims) { c.PCI[0].BARs[1].Index = host.MaxBARs }},
		{"", func(c *host.Claims) { c.RDMA[0].Address = "0000:19:00.0" }},
		{"name or address", func(c *host.Claims) { c.RDMA[0].Address = "19:00.0" }},
		{"text", func(c *host.Claims) { c.RDMA[0].State = "\n" }},
		{"not in order", func(c *host.Claims) { c.RDMA[2].Device = "a" }},
		{"not in order", func(c *host.Claims) { c.RDMA[1].Port = 1 }},
		{"not in order", func(c *host.Claims) { c.RDMA[0].Device, c.RDMA[0].Port = "z", 0 }},
		{"RDMA ports, limit", func(c *host.Claims) {
			c.RDMA = nil
			for i := range host.MaxRDMAPorts + 1 {
				c.RDMA = append(c.RDMA, host.RDMAPort{Device: "x", Port: uint64(i)})
			}
		}},
		{"", func(c *host.Claims) {
			c.Kernel.IMAPolicySHA256, c.Kernel.IMAPolicyRules = make([]byte, 32), ptr(uint64(1))
		}},
		{"IMA policy", func(c *host.Claims) { c.Kernel.IMAPolicySHA256 = make([]byte, 32) }},
		{"unknown lockdown", func(c *host.Claims) { c.Kernel.Lockdown = "some" }},
		{"nvidia_module", func(c *host.Claims) { c.NVIDIAModule.Version = "\n" }},
		{"digest", func(c *host.Claims) { c.NVIDIAModule.File = &host.MappedFile{FSVerity: []byte{1}} }},
		{"text", func(c *host.Claims) { c.NVIDIA.GPUs[0].Model = "\n" }},
		{"GPUs, limit", func(c *host.Claims) {
			c.NVIDIA.GPUs = nil
			for _, d := range addressed(host.MaxGPUs + 1) {
				c.NVIDIA.GPUs = append(c.NVIDIA.GPUs, host.NVIDIAGPU{Address: d.Address})
			}
		}},
	}
	for _, a := range []string{"00000:19:00.0", "00000000:19:00.0"} {
		list = append(list, says[host.Claims]{"", func(c *host.Claims) { c.PCI[0].Address = a }})
	}
	for _, a := range []string{"", "19:00.0", "000:19:00.0", "000000000:19:00.0", "0000-19:00.0", "0000:19:00-0", "000/:19:00.0", "0000:1g:00.0", "0000:1G:00.0", "0000:1::00.0"} {
		list = append(list, says[host.Claims]{"not in form or order", func(c *host.Claims) { c.PCI[0].Address = a }},
			says[host.Claims]{"not in form or order", func(c *host.Claims) { c.NVIDIA.GPUs[0].Address = a }})
	}
	checkClaims(t, attest.KindHost, good, host.Parse, list)
}

func TestTPMClaimsOfWrongFormAreRefused(t *testing.T) {
	f := newForge(t)
	body := f.tpmBody()
	good := func() *tpm.Claims {
		c, err := tpm.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	checkClaims(t, attest.KindTPM, good, tpm.Parse, []says[tpm.Claims]{
		{"obtained_at", func(c *tpm.Claims) { c.ObtainedAt = 0 }},
		{"control characters", func(c *tpm.Claims) { c.Device = "\n" }},
		{"missing without an absence", func(c *tpm.Claims) { c.Absent = nil }},
	})
}
