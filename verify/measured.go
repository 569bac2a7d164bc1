package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/attest/ima"
)

// A claim is measured when the software that reported it was measured, and
// nothing else could run on that host: a closed world (DESIGN of the level in docs/ima.md).
// Each condition is a finding of its own; all must hold. None of them is the node's word alone: lockdown,
// module signing and hypervisor are read by the agent, whose own binary the other conditions pin.

// condition is one of the closed world's. It returns what was seen, and whether that is enough.
type condition struct {
	id, check, want string
	holds           func(*Appraised, *References) (bool, string)
}

var conditions = []condition{
	{"measured.root", "closed world: root", "an attestation key enrolled by EK certificate, in a TPM that was not cleared since", func(ap *Appraised, _ *References) (bool, string) {
		if ap.cleared {
			return false, "cleared since an earlier verdict"
		}
		return ap.auth.hardwareRoot(), string(ap.auth.rootAssurance())
	}},
	{"measured.boot_log", "closed world: boot log", "a boot log that replays", func(ap *Appraised, _ *References) (bool, string) {
		return ap.boot.replays, yesNo(ap.boot.replays, "replays", "does not replay or was not read")
	}},
	{"measured.secure_boot", "closed world: Secure Boot", "on", func(ap *Appraised, _ *References) (bool, string) {
		return ap.boot.secureBoot, yesNo(ap.boot.secureBoot, "on", "not shown to be on")
	}},
	{"measured.boot_reference", "closed world: boot", "keys, loaders, kernel, initrd and command line in one boot reference", func(ap *Appraised, _ *References) (bool, string) {
		return ap.boot.reference != "", yesNo(ap.boot.reference != "", ap.boot.reference, "no boot reference holds")
	}},
	{"measured.lockdown", "closed world: lockdown", "integrity or confidentiality", func(ap *Appraised, _ *References) (bool, string) {
		l := ap.kernel().Lockdown
		return l == "integrity" || l == "confidentiality", yesNo(l != "", l, "not stated")
	}},
	{"measured.modules", "closed world: kernel modules", "unsigned modules refused, by module.sig_enforce or by lockdown", func(ap *Appraised, _ *References) (bool, string) {
		k := ap.kernel()
		enforced := k.SigEnforce != nil && *k.SigEnforce
		locked := k.Lockdown == "integrity" || k.Lockdown == "confidentiality"
		return enforced || locked, fmt.Sprintf("sig_enforce %v, lockdown %s", enforced, k.Lockdown)
	}},
	{"measured.ima_policy", "closed world: IMA policy", "hallmark's policy, or a referenced one, loaded in a boot that began with ima_policy=tcb", (*Appraised).imaPolicy},
	{"measured.ima_list", "closed world: IMA list", "a list that replays to register 10", func(ap *Appraised, _ *References) (bool, string) {
		m := ap.measurements
		if m.shown() && m.state.Bank.Padded {
			return false, "replays by SHA-1 alone: the quoted bank takes nothing better from this kernel"
		}
		return m.shown(), yesNo(m.shown(), "replays", "does not replay or was not read")
	}},
	{"measured.aggregate", "closed world: boot aggregate", "a list that begins with the aggregate of the quoted registers 0 to 9", func(ap *Appraised, _ *References) (bool, string) {
		m := ap.measurements
		if !m.shown() || !called(m.entries[0], ima.BootAggregateName) {
			return false, "no aggregate"
		}
		err := ap.checkAggregate(m.entries[0])
		return err == nil, yesNo(err == nil, "of these registers", fmt.Sprint(err))
	}},
	{"measured.ima_violations", "closed world: violations", "none", func(ap *Appraised, _ *References) (bool, string) {
		m := ap.measurements
		if !m.shown() {
			return false, "no list"
		}
		return m.state.Violations == 0, fmt.Sprint(m.state.Violations)
	}},
	{"measured.ima_entries", "closed world: files", "every measured file in the references, none hidden", (*Appraised).imaEntries},
	{"measured.agent", "closed world: agent", "agent and probe measured, under the digests they state", (*Appraised).agentMeasured},
	{"measured.inputs", "closed world: inputs", "defaults", func(ap *Appraised, _ *References) (bool, string) {
		odd := ap.auth.bound.Inputs.NonDefault
		return len(odd) == 0, yesNo(len(odd) == 0, "defaults", strings.Join(odd, ", "))
	}},
	{"measured.hypervisor", "closed world: hypervisor", "none below, outside an accepted TD", func(ap *Appraised, _ *References) (bool, string) {
		h := ap.hostClaims
		if h == nil || h.System == nil || h.System.Hypervisor == nil {
			return false, "not stated"
		}
		return !*h.System.Hypervisor, yesNo(!*h.System.Hypervisor, "none stated", "one is stated")
	}},
}

func yesNo(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}

// shown reports whether the list was read from its first byte and replays.
func (m *measurements) shown() bool { return m != nil && m.replays }

// closedWorld judges the conditions and raises the claims that it covers. Without references for measured
// files nobody asked for it: fifteen warnings on every node would hide the one that matters.
func (ap *Appraised) closedWorld(refs *References, asked Tier) {
	if ap.auth.quote == nil {
		return
	}
	if len(refs.measured) == 0 && rank(asked) < rank(TierEnterpriseMeasured) {
		ap.findings.unknown("measured.not_evaluable", "closed world", ap.auth.rootAssurance(), "references for measured files", "none")
		return
	}
	closed, by := true, ap.auth.rootAssurance()
	for _, c := range conditions {
		ok, seen := c.holds(ap, refs)
		if ok {
			ap.findings.good(c.id, c.check, by, seen)
			continue
		}
		ap.findings.warn(c.id, c.check, by, c.want, seen)
		closed = false
	}
	engine, driver := ap.engineMeasured(), ap.driverMeasured()
	if closed {
		ap.raise(attest.KindHost)
		if engine {
			ap.raise(attest.KindEngine)
		}
		if driver {
			ap.raise(attest.KindGPU)
		}
		return
	}
	if ap.measurements.holds(ap.software.Agent) {
		for _, k := range []attest.Kind{attest.KindHost, attest.KindEngine, attest.KindGPU} {
			ap.note(k, "genuine agent binary logged; not shown to be the speaker")
		}
	}
}

// raise makes the claims of a kind measured.
func (ap *Appraised) raise(k attest.Kind) {
	c, ok := ap.claims[k]
	if !ok {
		return
	}
	c.Assurance = Measured
	ap.claims[k] = c
	ap.findings.good("measured.reached", string(k), Measured, "reported by measured software in a closed world")
}

func (ap *Appraised) note(k attest.Kind, text string) {
	if c, ok := ap.claims[k]; ok {
		c.Note = text
		ap.claims[k] = c
	}
}

// measuredAll reports whether everything that the tier's demand names is measured.
func (ap *Appraised) measuredAll() bool {
	for _, k := range []attest.Kind{attest.KindHost, attest.KindEngine, attest.KindGPU} {
		c, stated := ap.claims[k]
		if stated && c.Assurance != Measured || !stated && k != attest.KindGPU {
			return false
		}
	}
	return true
}

// imaPolicyPath is where systemd loads a policy from; the kernel measures the file it reads (func=POLICY_CHECK).
const imaPolicyPath = "/etc/ima/ima-policy"

func (ap *Appraised) imaPolicy(refs *References) (bool, string) {
	if !ap.measurements.shown() {
		return false, "no IMA list"
	}
	if len(ap.boot.commandLines) == 0 {
		return false, "no measured command line"
	}
	for _, l := range ap.boot.commandLines { // each may be the kernel's
		if !slices.Contains(parameters(l), "ima_policy=tcb") {
			return false, "no ima_policy=tcb on the measured command line"
		}
	}
	seen := "no measured " + imaPolicyPath
	for i, e := range ap.measurements.entries {
		k, ok := keyOf(e)
		if !ok || e.Path != imaPolicyPath {
			// An entry does not say why it was made: reading the file later, with other rules in force, looks
			// like loading it. So whatever ran before must be what runs before it in a reference.
			if strings.HasPrefix(seen, "no") && !(ok && refs.early[k]) && !ap.bootAggregate(i, e) {
				return false, fmt.Sprintf("before any policy %q was measured, which no reference has there", entryName(e))
			}
			continue
		}
		if k.verity || !knownIMAPolicy(k.digest) && !refs.policies[k.digest] {
			return false, "policy " + k.digest.Short() + " is neither hallmark's nor referenced"
		}
		seen = "policy " + k.digest.Short()
	}
	return strings.HasPrefix(seen, "policy"), seen
}

// parameters are the kernel's of a command line: up to "--", what is within quotes is one (Linux lib/cmdline.c, next_arg).
func parameters(line string) []string {
	quoted := false
	list := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t' || r == '\n')
	})
	if i := slices.Index(list, "--"); i >= 0 {
		return list[:i]
	}
	return list
}

func (ap *Appraised) imaEntries(refs *References) (bool, string) {
	m := ap.measurements
	switch {
	case !m.shown():
		return false, "no IMA list"
	case len(refs.measured) == 0:
		return false, "no references for measured files"
	}
	return m.unknown == 0, fmt.Sprintf("%d of %d entries are not referenced", m.unknown, m.known+m.unknown)
}

func (ap *Appraised) agentMeasured(*References) (bool, string) {
	s := ap.software
	switch {
	case s.Agent == nil:
		return false, "the agent states no digest of itself"
	case !ap.measurements.holds(s.Agent):
		return false, "agent " + s.Agent.SHA256.Short() + " is not in the list"
	case s.Probe == nil:
		_, gpus := ap.claims[attest.KindGPU]
		return !gpus, "agent in the list; no probe stated"
	case !ap.measurements.holds(s.Probe):
		return false, "probe " + s.Probe.SHA256.Short() + " is not in the list"
	}
	return true, "agent and probe are in the list"
}

// holds reports whether the measured list has a file of this content.
func (m *measurements) holds(d *attest.FileDigest) bool {
	if d == nil || !m.shown() {
		return false
	}
	return slices.ContainsFunc(m.entries, func(e ima.Entry) bool {
		k, ok := keyOf(e)
		return ok && (k == measuredKey{d.SHA256, false} || k == measuredKey{d.FSVerity, true})
	})
}

// driverMeasured judges what GPU claims need beside the closed world: the library that spoke and the driver behind it.
func (ap *Appraised) driverMeasured() bool {
	if _, stated := ap.claims[attest.KindGPU]; !stated {
		return false
	}
	by := ap.auth.rootAssurance()
	library, module := ap.driverFiles()
	switch {
	case !ap.measurements.holds(library):
		ap.findings.warn("measured.gpu_driver", "closed world: NVML library", by, "the library that the probe has mapped, measured", "not in the list")
		return false
	case !ap.measurements.holds(module):
		ap.findings.warn("measured.gpu_driver", "closed world: NVIDIA kernel module", by, "the loaded module's file, measured", "not in the list")
		return false
	}
	ap.findings.good("measured.gpu_driver", "closed world: GPU driver", by, "library and module are in the list")
	return true
}

// engineMeasured judges what engine claims need beside the closed world: the program that each serving engine runs.
func (ap *Appraised) engineMeasured() bool {
	const check, want = "closed world: engines", "engines stated, the executable of each measured"
	by := ap.auth.rootAssurance()
	if _, stated := ap.claims[attest.KindEngine]; !stated {
		ap.findings.warn("measured.engine", check, by, want, "no engine is stated")
		return false
	}
	for _, d := range ap.engineFiles {
		if !ap.measurements.holds(&d) {
			ap.findings.warn("measured.engine", check, by, want, "executable "+d.SHA256.Short()+" is not in the list")
			return false
		}
	}
	ap.findings.good("measured.engine", check, by, count(len(ap.engineFiles), "executables in the list"))
	return true
}

// driverFiles are the NVML library that the probe has mapped and the loaded module's file, nil where not stated exactly.
func (ap *Appraised) driverFiles() (library, module *attest.FileDigest) {
	h := ap.hostClaims
	if h == nil {
		return nil, nil
	}
	if h.NVIDIAModule != nil {
		module = mappedDigest(h.NVIDIAModule.File)
	}
	if h.NVMLLibrary != nil && h.NVMLLibrary.Exact {
		library = mappedDigest(h.NVMLLibrary)
	}
	return library, module
}

func mappedDigest(f *host.MappedFile) *attest.FileDigest {
	if f == nil || len(f.FSVerity) != 32 || len(f.SHA256) != 32 {
		return nil
	}
	return &attest.FileDigest{Size: f.SizeBytes, FSVerity: attest.Digest(f.FSVerity), SHA256: attest.Digest(f.SHA256)}
}
