package verify

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
)

// serving is an engine as an honest agent states it: one executable, one library, one model of two files, one of them mapped.
func serving(t testing.TB) *engine.Engine {
	t.Helper()
	entries := engine.Manifest{{Path: "config.json", Size: 2, FSVerity: digest(0x10)}, {Path: "model.safetensors", Size: 5, FSVerity: digest(0x11)}}
	model, err := entries.Digest()
	if err != nil {
		t.Fatal(err)
	}
	file := func(b byte) engine.FileDigest {
		v, s := digest(b), digest(b+1)
		return engine.FileDigest{SizeBytes: 9, FSVerity: v[:], SHA256: s[:], DigestSource: engine.SourceComputed, Freshness: engine.FreshHashed, DigestAtMs: 1, CheckedAtMs: 1}
	}
	exe := file(0x20)
	return &engine.Engine{Name: "main", Endpoint: "http://127.0.0.1:8000", Public: []string{}, Declared: engine.Declared{Model: "llama"}, Kind: "generic",
		Listening: []engine.Listening{}, Tree: []engine.Child{},
		Process:   &engine.Process{PID: 7, Parent: 1, StartTicks: 3, ExePath: "/usr/bin/server", Exe: &exe, Args: []engine.Pair{}, Environment: []engine.Pair{}},
		Libraries: []engine.Library{{Path: "/usr/lib/libx.so", Exact: true, FileDigest: file(0x30)}},
		Weights:   []engine.Weight{{Path: "/m/model.safetensors", Source: engine.HeldMapped, FileDigest: weight(0x11)}},
		Models:    []engine.Model{{Path: "/m", Complete: true, Digest: model[:], SizeBytes: 7, Files: 2, Freshness: engine.FreshHashed, OldestMs: 1, Entries: entries}}}
}

func weight(b byte) engine.FileDigest {
	v := digest(b)
	return engine.FileDigest{SizeBytes: 5, FSVerity: v[:], DigestSource: engine.SourceComputed, Freshness: engine.FreshHashed, DigestAtMs: 1, CheckedAtMs: 1}
}

// knowing references exactly what e states.
func knowing(t *testing.T, e *engine.Engine) *References {
	t.Helper()
	exe, _ := digestOf(e.Process.Exe)
	lib, _ := digestOf(&e.Libraries[0].FileDigest)
	return refs(t, attest.Reference{Models: []attest.ReferenceModel{ModelReference("llama", e.Models[0].Entries, attest.Digest(e.Models[0].Digest), 7, 2)},
		Executables: []attest.ReferenceExecutable{{Name: "server", Role: attest.RoleEngine, File: exe}, {Name: "libx.so", Role: attest.RoleLibrary, File: lib}}})
}

// appraised judges a node with one engine, changed after the references were made.
func appraised(t *testing.T, change func(*engine.Engine)) *Result {
	t.Helper()
	f, e := newForge(t), serving(t)
	known := knowing(t, e)
	change(e)
	c := engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e}}
	body := f.must(attest.Marshal(c))
	if _, err := engine.Parse(body); err != nil {
		t.Fatal(err)
	}
	f.claims[attest.KindEngine] = body
	r, err := f.judgeWith(Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile()}, known, Options{At: f.at.Add(time.Second), Asked: TierCommunity})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEngineIsHeldAgainstReferencesAndItself(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*engine.Engine)
		id     string
		status Status
	}{
		{"honest executable", func(*engine.Engine) {}, "engine.executable.match", Affirming},
		{"honest library", func(*engine.Engine) {}, "engine.library.match", Affirming},
		{"honest model", func(*engine.Engine) {}, "engine.model.match", Affirming},
		{"honest weights", func(*engine.Engine) {}, "engine.weights.loaded", Affirming},
		{"swapped weights", func(e *engine.Engine) {
			e.Models[0].Entries[1].FSVerity = digest(0x66)
			d, _ := e.Models[0].Entries.Digest()
			e.Models[0].Digest, e.Weights[0].FileDigest = d[:], weight(0x66)
		}, "engine.model.mismatch", Contraindicated},
		{"another model unknown to the references", func(e *engine.Engine) {
			e.Declared.Model = "qwen"
			e.Models[0].Entries[1].FSVerity = digest(0x66)
			d, _ := e.Models[0].Entries.Digest()
			e.Models[0].Digest, e.Weights[0].FileDigest = d[:], weight(0x66)
		}, "engine.model.unknown", None},
		{"model not wholly measured", func(e *engine.Engine) { e.Models[0].Complete, e.Models[0].Digest = false, nil }, "engine.model.incomplete", None},
		{"serves from undeclared files", func(e *engine.Engine) { e.Weights[0].FileDigest = weight(0x66) }, "engine.weights.foreign", Contraindicated},
		{"a small model in place of the closed weights", func(e *engine.Engine) {
			w := weight(0x66)
			w.SizeBytes = 1
			e.Weights = []engine.Weight{{Path: "/n/vad.onnx", Source: engine.HeldMapped, FileDigest: w}}
		}, "engine.weights.foreign", Warning},
		{"a README changed", func(e *engine.Engine) {
			e.Models[0].Entries[0].FSVerity = digest(0x44)
			d, _ := e.Models[0].Entries.Digest()
			e.Models[0].Digest = d[:]
		}, "engine.model.other_files", Warning},
		{"the declared name beside a decoy model", func(e *engine.Engine) {
			e.Models[0].Entries[1].FSVerity = digest(0x66)
			d, _ := e.Models[0].Entries.Digest()
			e.Models[0].Digest, e.Weights[0].FileDigest = d[:], weight(0x66)
			decoy := engine.Manifest{{Path: "x", Size: 1, FSVerity: digest(0x77)}}
			dd, _ := decoy.Digest()
			e.Models = append(e.Models, engine.Model{Path: "/etc/x", Complete: true, Digest: dd[:], SizeBytes: 1, Files: 1, Freshness: engine.FreshHashed, OldestMs: 1, Entries: decoy})
		}, "engine.model.mismatch", Contraindicated},
		{"an updated interpreter", func(e *engine.Engine) { e.Process.ExePath = "/usr/bin/python3.12" }, "engine.executable.match", ""},
		{"an adapter beside the model", func(e *engine.Engine) {
			e.Weights = append(e.Weights, engine.Weight{Path: "/n/lora.safetensors", Source: engine.HeldOpen, FileDigest: weight(0x77)})
		}, "engine.weights.foreign", Warning},
		{"no weights open", func(e *engine.Engine) { e.Weights = []engine.Weight{} }, "engine.weights.unseen", None},
		{"swapped engine", func(e *engine.Engine) { e.Process.Exe.FSVerity[0] ^= 1 }, "engine.executable.mismatch", Contraindicated},
		{"another engine", func(e *engine.Engine) { e.Process.ExePath = "/usr/bin/other" }, "engine.executable.unknown", None},
		{"updated library", func(e *engine.Engine) { e.Libraries[0].FSVerity[0] ^= 1 }, "engine.library.differs", Warning},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := appraised(t, c.change)
			if c.status == "" { // must not be said at all
				if slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == c.id }) || !r.Accepted {
					t.Errorf("%s is said, accepted %v", c.id, r.Accepted)
				}
				return
			}
			if !slices.Contains(ids(r, c.status), c.id) {
				t.Errorf("%s is not %s: %+v", c.id, c.status, r.Findings)
			}
			if bad := ids(r, Contraindicated); c.status != Contraindicated && (len(bad) > 0 || !r.Accepted) {
				t.Errorf("contradicted by %v, accepted %v", bad, r.Accepted)
			} else if c.status == Contraindicated && (r.Accepted || r.Tier != TierNone || !slices.Contains(bad, c.id)) {
				t.Errorf("accepted %v at %s", r.Accepted, r.Tier)
			}
		})
	}
}

func TestEngineNotServingIsAWarning(t *testing.T) {
	r := appraised(t, func(e *engine.Engine) { e.Process, e.Libraries, e.Weights = nil, []engine.Library{}, []engine.Weight{} })
	if !slices.Contains(ids(r, Warning), "engine.not_serving") || !r.Accepted {
		t.Fatalf("%+v", r.Findings)
	}
}

// TestOnlyUnevaluableDemandsKeepAFullNodeFromVerified shows that everything else a verified node needs is there.
func TestOnlyUnevaluableDemandsKeepAFullNodeFromVerified(t *testing.T) {
	f := newForge(t)
	f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*serving(t)}}))
	f.claims[attest.KindHost] = f.must(attest.Marshal(host.Claims{ObtainedAt: ms(f.at), How: "sysfs", PCI: []host.PCIDevice{}, RDMA: []host.RDMAPort{}}))
	r, err := f.judge(TierVerified)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Unmet) != 1 || r.Unmet[0].Finding != "boot.not_evaluable" {
		t.Fatalf("unmet: %+v", r.Unmet)
	}
}

func readTestdata(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGPUStatedTwiceIsRefused(t *testing.T) {
	body := readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor")
	judge := func(body []byte) *Result {
		f := newForge(t)
		f.claims[attest.KindGPU] = body
		r, err := f.judge(TierCommunity)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := judge(body); !r.Accepted || len(ids(r, Contraindicated)) > 0 {
		t.Fatalf("eight GPUs: %v", ids(r, Contraindicated))
	}
	for what, change := range map[string]func(a, b *gpu.Device){
		"uuid": func(a, b *gpu.Device) { b.UUID = a.UUID },
	} {
		c, err := gpu.Parse(body)
		if err != nil {
			t.Fatal(err)
		}
		change(&c.GPUs[0], &c.GPUs[5])
		twice, err := attest.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if r := judge(twice); !slices.Contains(ids(r, Contraindicated), "gpu.duplicate") {
			t.Errorf("%s twice: %v", what, r.Findings)
		}
	}
}

func TestOldClaimsAreAWarning(t *testing.T) {
	for _, at := range []time.Duration{-time.Hour, time.Hour} {
		f := newForge(t)
		f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at.Add(at)), How: "procfs", Engines: []engine.Engine{}}))
		r, err := f.judge(TierCommunity)
		if err != nil || !slices.Contains(ids(r, Warning), "kind.stale") || !r.Accepted {
			t.Errorf("%s: %v %+v", at, err, r)
		}
	}
}

func TestOddInputsAndVirtualTPMAreWarnings(t *testing.T) {
	f := newForge(t)
	f.bound = func(b *attest.Bound) { b.Inputs.NonDefault = []string{"LD_PRELOAD", "tpm.device"} }
	f.node = func(n *attest.Node) { n.TPM.Class = "virtual" }
	r, err := f.judge(TierCommunity)
	if err != nil || !r.Accepted {
		t.Fatal(err, r)
	}
	for _, id := range []string{"inputs.nondefault", "tpm.class"} {
		if !slices.Contains(ids(r, Warning), id) {
			t.Errorf("%s is no warning", id)
		}
	}
	if i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == "inputs.nondefault" }); r.Findings[i].Seen != "LD_PRELOAD, tpm.device" {
		t.Errorf("%q", r.Findings[i].Seen)
	}
}

func TestUnlistedEKIsAsserted(t *testing.T) {
	f := newForge(t)
	f.node = func(n *attest.Node) { n.Trust = attest.TrustUnlisted }
	r, err := f.judge(TierVerified)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range r.Findings {
		if g.ID == "tpm.quote.ok" && g.Assurance != Asserted {
			t.Errorf("quote is %s", g.Assurance)
		}
	}
	if !slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Demand == string(DemandHardwareRoot) }) {
		t.Errorf("an unlisted key counts as hardware root: %v", r.Unmet)
	}
}

func TestAnswerWithoutChannelCannotBeVerified(t *testing.T) {
	f := newForge(t)
	f.answer = func(a *attest.Answer) { a.Channel = nil }
	r, err := f.judge(TierVerified)
	if err != nil || !slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Demand == string(DemandChannel) }) {
		t.Fatal(err, r.Unmet)
	}
}

func TestDemoNodeNeedsTheUnsafeOption(t *testing.T) {
	f := newForge(t)
	f.node = func(n *attest.Node) { n.Trust = attest.TrustDemo }
	e := Endorsements{Validator: &f.validator.PublicKey, Node: f.nodeFile(), AcceptDemoRootsUnsafe: true}
	r, err := f.judgeWith(e, nil, Options{At: f.at.Add(time.Second), Asked: TierCommunity})
	if err != nil || !r.Accepted || !r.Demo {
		t.Fatal(err, r)
	}
}
