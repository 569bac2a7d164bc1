package verify

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

// open lists the conditions of a closed world that do not hold.
func open(r *Result) (out []string) {
	for _, id := range ids(r, Warning) {
		if c, ok := strings.CutPrefix(id, "measured."); ok {
			out = append(out, c)
		}
	}
	return out
}

func TestClosedWorldMeasuresHostAndEngine(t *testing.T) {
	w := newWorld(t)
	r := w.judge(w.references(w.reference()))
	if got := open(r); len(got) > 0 {
		t.Fatalf("%v\n%+v", got, r.Findings)
	}
	for _, k := range []attest.Kind{attest.KindHost, attest.KindEngine} {
		if c := r.Claims[k]; c.Assurance != Measured || c.Note != "" {
			t.Errorf("%s: %s %s", k, c.Assurance, c.Note)
		}
	}
	if c := r.Claims[attest.KindTPM]; c.Assurance == Measured {
		t.Error("the TPM's claims are measured by nobody")
	}
	if capped(r, DemandMeasured) {
		t.Errorf("%+v", r.Unmet)
	}
	wants(t, r, "+measured.reached", "+measured.engine", "-measured.gpu_driver", "-measured.not_evaluable")
	for _, c := range conditions {
		wants(t, r, "+"+c.id)
	}
}

// Each condition alone keeps the world open, says its own finding, and no other than those that rest on it.
func TestEachConditionOpensTheWorld(t *testing.T) {
	reference := func(w *world, change func(*attest.Reference)) *References {
		r := w.reference()
		change(&r)
		return w.references(r)
	}
	for name, c := range map[string]struct {
		change func(*world) *References // nil: references of the unchanged world
		want   []string
	}{
		"key not enrolled by certificate": {func(w *world) *References {
			w.node = func(n *attest.Node) { n.Trust = attest.TrustUnlisted }
			return nil
		}, []string{"root"}},
		"a register that is not the log's": {func(w *world) *References {
			w.holds(func(m map[uint][]byte) { m[1] = make([]byte, 32) })
			return nil
		}, []string{"aggregate", "boot_log", "boot_reference"}},
		"no boot log": {func(w *world) *References { delete(w.logs, attest.LogBoot); return nil },
			[]string{"boot_log", "boot_reference", "ima_policy", "secure_boot"}},
		"Secure Boot off": {func(w *world) *References { w.boots("secure-boot-off"); return w.references(w.reference()) },
			[]string{"secure_boot"}},
		"no boot reference": {func(w *world) *References {
			return reference(w, func(r *attest.Reference) { r.Boots = nil })
		}, []string{"boot_reference"}},
		"another command line": {func(w *world) *References {
			known := w.reference()
			w.boots("changed-cmdline")
			files := w.reference()
			files.Boots = nil
			return w.references(known, files)
		}, []string{"boot_reference"}},
		"a reference of few registers": {func(w *world) *References {
			return reference(w, func(r *attest.Reference) {
				r.Boots[0].Policy, r.Boots[0].Registers = nil, map[uint][]byte{0: r.Boots[0].Registers[0]}
			})
		}, []string{"boot_reference"}},
		"no lockdown":         {func(w *world) *References { w.host.Kernel.Lockdown = "none"; return nil }, []string{"lockdown"}},
		"lockdown not stated": {func(w *world) *References { w.host.Kernel.Lockdown = ""; return nil }, []string{"lockdown"}},
		"unsigned modules": {func(w *world) *References {
			w.host.Kernel.Lockdown, w.host.Kernel.SigEnforce = "none", ptr(false)
			return nil
		}, []string{"lockdown", "modules"}},
		"unknown IMA policy": {func(w *world) *References {
			w.measured(replaced(t, w, imaPolicyPath, imaFile(imaPolicyPath))...)
			return reference(w, func(r *attest.Reference) {
				for i := range r.Measured {
					r.Measured[i].Policy = false
				}
			})
		}, []string{"ima_policy"}},
		"no IMA policy": {func(w *world) *References {
			w.measured(replaced(t, w, imaPolicyPath, imaFile("/etc/ima/other"))...)
			return w.references(w.reference())
		}, []string{"ima_policy"}},
		"list that does not replay": {func(w *world) *References {
			w.holds(func(m map[uint][]byte) { m[10] = make([]byte, 32); m[10][0] = 1 })
			return nil
		}, []string{"agent", "aggregate", "engine", "ima_entries", "ima_list", "ima_policy", "ima_violations"}},
		"violation":        {func(w *world) *References { w.measured(append(w.list(), imaViolation("/var/log/x"))...); return nil }, []string{"ima_violations"}},
		"one unknown file": {func(w *world) *References { w.measured(append(w.list(), imaFile("/root/x"))...); return nil }, []string{"ima_entries"}},
		"one hidden file": {func(w *world) *References {
			whole := slices.Concat(w.list()...)
			hidden, err := ima.Hide(whole, func(e ima.Entry) bool { return e.Path != "/usr/bin/mkdir" })
			if err != nil || bytes.Equal(hidden, whole) {
				t.Fatalf("nothing is hidden: %v", err)
			}
			w.sends(attest.LogIMA, 0, hidden, false)
			return nil
		}, []string{"ima_entries", "ima_policy"}}, // nobody knows whether it may be early
		"no references of files": {func(w *world) *References {
			return reference(w, func(r *attest.Reference) { r.Measured = nil })
		}, []string{"ima_entries", "ima_policy"}},
		"a policy that was read, not loaded": {func(w *world) *References {
			w.measured(policyLast(w)...)
			return nil
		}, []string{"ima_policy"}},
		"an aggregate of other registers": {func(w *world) *References {
			list := w.list()
			list[0] = imaNG(ima.BootAggregateName, "sha256", digest32(6))
			w.measured(list...)
			return nil
		}, []string{"aggregate"}},
		"an aggregate that comes second": {func(w *world) *References {
			list := w.list()
			list[0], list[1] = list[1], list[0]
			w.measured(list...)
			return nil
		}, []string{"aggregate"}},
		"a kernel that extends padded SHA-1": {func(w *world) *References {
			w.measured(w.list()...).padded()
			return nil
		}, []string{"ima_list"}},
		"a system extension in register 13": {func(w *world) *References {
			w.holds(func(m map[uint][]byte) { m[13] = digest32(7) })
			return nil
		}, []string{"boot_reference"}},
		"a part of the loader in register 11": {func(w *world) *References {
			w.holds(func(m map[uint][]byte) { m[11] = digest32(7) })
			return nil
		}, []string{"boot_reference"}},
		"another agent": {func(w *world) *References {
			w.software.Agent = &attest.FileDigest{Size: 1, FSVerity: digest(8), SHA256: digest(9)}
			return nil
		}, []string{"agent"}},
		"agent without digest": {func(w *world) *References { w.software.Agent = nil; return nil }, []string{"agent"}},
		"another probe": {func(w *world) *References {
			w.software.Probe = &attest.FileDigest{Size: 1, FSVerity: digest(8), SHA256: digest(9)}
			return nil
		}, []string{"agent"}},
		"inputs": {func(w *world) *References {
			w.bounds = func(b *attest.Bound) { b.Inputs.NonDefault = []string{"root"} }
			return nil
		}, []string{"inputs"}},
		"hypervisor":            {func(w *world) *References { w.host.System.Hypervisor = ptr(true); return nil }, []string{"hypervisor"}},
		"hypervisor not stated": {func(w *world) *References { w.host.System.Hypervisor = nil; return nil }, []string{"hypervisor"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			known := w.references(w.reference())
			if own := c.change(w); own != nil {
				known = own
			}
			r := w.judge(known)
			if got := open(r); !slices.Equal(got, c.want) {
				t.Errorf("open: %v, want %v\n%+v", got, c.want, r.Findings)
			}
			for k, claims := range r.Claims {
				if claims.Assurance == Measured {
					t.Errorf("%s is measured", k)
				}
			}
			if bad := ids(r, Contraindicated); len(bad) > 0 {
				t.Errorf("an open world is no contradiction: %v", bad)
			}
			if !slices.ContainsFunc(r.Unmet, func(u Unmet) bool {
				return u.Demand == string(DemandMeasured) && slices.Contains(c.want, strings.TrimPrefix(u.Finding, "measured."))
			}) {
				t.Errorf("the demand is not explained: %+v", r.Unmet)
			}
			wants(t, r, "-measured.reached")
		})
	}
}

// quotedEntries is how many entries of testdata/vm/secure-boot the quote covers.
const quotedEntries = 528

// list are the records of the list that the quote covers.
func (f *forge) list() [][]byte {
	return records(f.logs[attest.LogIMA].Bytes)[:quotedEntries:quotedEntries]
}

// replaced is the list with the record of a path exchanged.
func replaced(t *testing.T, w *world, path string, by []byte) [][]byte {
	t.Helper()
	out := w.list()
	i := slices.IndexFunc(out, func(r []byte) bool { return bytes.Contains(r, []byte(path+"\x00")) })
	if i < 0 {
		t.Fatalf("no %s", path)
	}
	out[i] = by
	return out
}

func TestWorldWithoutProbeNeedsNone(t *testing.T) {
	w := newWorld(t)
	w.software.Probe = nil
	if got := open(w.judge(w.references(w.reference()))); len(got) > 0 {
		t.Errorf("%v", got)
	}
	w.claims[attest.KindGPU] = readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor")
	if got := open(w.judge(w.references(w.reference()))); !slices.Contains(got, "agent") {
		t.Errorf("GPU claims of a probe that nobody names: %v", got)
	}
}

// A world can be closed around an agent of which the list has the fs-verity digest, and around a referenced policy.
func TestReferencedPolicyAndVerityDigestsCount(t *testing.T) {
	w := newWorld(t)
	verity := w.software.Agent.FSVerity
	w.measured(append(replaced(t, w, imaPolicyPath, imaFile(imaPolicyPath)), rawVerity("/opt/agent", verity[:]))...)
	w.software.Agent.SHA256 = digest(77)
	r := w.reference()
	if got := open(w.judge(w.references(r))); len(got) > 0 {
		t.Errorf("%v", got)
	}
	i := slices.IndexFunc(r.Measured, func(m attest.MeasuredFile) bool { return m.Verity })
	if i < 0 || r.Measured[i].Digest != verity {
		t.Fatal("the reference loses what kind of digest it is")
	}
	r.Measured[i].Verity = false
	if got := open(w.judge(w.references(r))); !slices.Equal(got, []string{"ima_entries"}) {
		t.Errorf("a plain digest stands for an fs-verity digest: %v", got)
	}
}

func TestEngineClaimsNeedTheirProgram(t *testing.T) {
	w := newWorld(t)
	known := w.references(w.reference())
	other := digest(99)
	w.engine.Engines[0].Process.Exe.SHA256 = other[:]
	r := w.judge(known)
	if got := open(r); !slices.Equal(got, []string{"engine"}) || r.Claims[attest.KindHost].Assurance != Measured || r.Claims[attest.KindEngine].Assurance != Asserted {
		t.Errorf("%v, host %s, engine %s", got, r.Claims[attest.KindHost].Assurance, r.Claims[attest.KindEngine].Assurance)
	}
	if !slices.Contains(r.Unmet, Unmet{TierEnterpriseMeasured, "measured", "measured.engine"}) {
		t.Errorf("%+v", r.Unmet)
	}
	w.engine.Engines[0].Process.Exe = nil
	if got := open(w.judge(known)); !slices.Equal(got, []string{"engine"}) {
		t.Errorf("an engine of an unknown program: %v", got)
	}
}

func TestGPUClaimsNeedTheirDriver(t *testing.T) {
	w := newWorld(t)
	file := func(path string) *host.MappedFile {
		v, d := digest(5), digestIn(t, w.logs[attest.LogIMA].Bytes, path)
		return &host.MappedFile{Path: path, SizeBytes: 1, FSVerity: v[:], SHA256: d[:], Exact: true}
	}
	known := w.references(w.reference())
	w.claims[attest.KindGPU] = readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor")
	library, module := file("/usr/bin/mkdir"), &host.NVIDIAModule{File: file("/usr/bin/mount")}
	inexact, foreign := *library, *library
	inexact.Exact = false
	foreign.SHA256 = bytes.Repeat([]byte{7}, 32)
	for name, c := range map[string]struct {
		library *host.MappedFile
		module  *host.NVIDIAModule
		want    Assurance
	}{
		"both":                    {library, module, Measured},
		"nothing":                 {nil, nil, Asserted},
		"no library":              {nil, module, Asserted},
		"no module":               {library, nil, Asserted},
		"no module file":          {library, &host.NVIDIAModule{}, Asserted},
		"library by name only":    {&inexact, module, Asserted},
		"library not in the list": {&foreign, module, Asserted},
		"module not in the list":  {library, &host.NVIDIAModule{File: &foreign}, Asserted},
	} {
		w.host.NVMLLibrary, w.host.NVIDIAModule = c.library, c.module
		r := w.judge(known)
		if r.Claims[attest.KindGPU].Assurance != c.want || r.Claims[attest.KindHost].Assurance != Measured || capped(r, DemandMeasured) != (c.want != Measured) {
			t.Errorf("%s: GPU %s, %v", name, r.Claims[attest.KindGPU].Assurance, r.Unmet)
		}
		if got := open(r); slices.Contains(got, "gpu_driver") != (c.want != Measured) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestGenuineAgentInAnOpenWorldIsNoted(t *testing.T) {
	w := newWorld(t)
	known := w.references(w.reference())
	w.host.Kernel.Lockdown = "none"
	if c := w.judge(known).Claims[attest.KindHost]; !strings.Contains(c.Note, "not shown to be the speaker") {
		t.Errorf("note %q", c.Note)
	}
	w.software.Agent = nil
	if c := w.judge(known).Claims[attest.KindHost]; c.Note != "" {
		t.Errorf("note %q", c.Note)
	}
}

// Who did not ask for a closed world is told in one finding, and who has no quote in none.
func TestClosedWorldIsJudgedForThoseWhoAsk(t *testing.T) {
	w := newWorld(t)
	w.state()
	r := w.result(nil, nil, TierVerified)
	if wants(t, r, "?measured.not_evaluable", "-measured.reached"); len(open(r)) > 0 {
		t.Errorf("%v", open(r))
	}
	r = w.result(nil, nil, TierEnterpriseMeasured)
	if wants(t, r, "-measured.not_evaluable"); !slices.Equal(open(r), []string{"boot_reference", "ima_entries", "ima_policy"}) {
		t.Errorf("%v", open(r))
	}
	f := newForge(t).withoutTPM()
	r = f.result(w.references(w.reference()), nil, TierEnterpriseMeasured)
	for _, id := range said(r) {
		for _, block := range []string{"boot.", "ima.", "clock.", "tpm.", "measured."} {
			if strings.HasPrefix(id, block) && id != "measured.not_evaluable" && id != "boot.not_evaluable" {
				t.Errorf("%s is said of a node without quote", id)
			}
		}
	}
}

// What ima_policy=tcb stands in must be the kernel's own parameter, on every line that may be its command line.
func TestIMAPolicyParameterIsTheKernels(t *testing.T) {
	for line, want := range map[string]bool{
		"/vmlinuz root=x ima_policy=tcb":          true,
		"ima_policy=tcb":                          true,
		"/vmlinuz ima_policy=tcb -- quiet":        true,
		"/vmlinuz -- ima_policy=tcb":              false,
		`/vmlinuz foo="a ima_policy=tcb b" quiet`: false,
		`/vmlinuz foo="a b" ima_policy=tcb`:       true,
		"/vmlinuz xima_policy=tcb":                false,
		"/vmlinuz ima_policy=tcb2":                false,
		"/vmlinuz ima_policy=appraise_tcb":        false,
	} {
		if got := slices.Contains(parameters(line), "ima_policy=tcb"); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
