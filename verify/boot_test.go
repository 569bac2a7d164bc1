package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// vm is a node that boots as one of our own machine's boots and states an engine.
func vm(t testing.TB, dir string) *forge {
	t.Helper()
	w := newWorld(t)
	w.boots(dir)
	w.state()
	return w.forge
}

func TestBootLogThatReplaysReachesVerified(t *testing.T) {
	r := vm(t, "secure-boot").result(nil, nil, TierVerified)
	if !r.Accepted || r.Tier != TierVerified {
		t.Fatalf("%s, unmet %+v", r.Tier, r.Unmet)
	}
	wants(t, r, "+boot.replays", "+secure_boot.on", "+boot.command_line", "-boot.replay", "-boot.not_evaluable", "-boot.unknown_event",
		"-boot.parsers_disagree", "-boot.dma_protection", "-boot.reference.match", "-boot.reference.differs", "-boot.reference.not_evaluable",
		"-secure_boot.off", "-secure_boot.not_evaluable", "+ima.prefix", "-ima.aggregate")
	if s := seenOf(r, "boot.command_line"); s != "/vmlinuz root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb" {
		t.Errorf("command line %q", s)
	}
	if s := seenOf(r, "secure_boot.on"); !strings.Contains(s, "Microsoft Corporation UEFI CA 2011") || !strings.Contains(s, `"Debian Secure Boot CA" (07964697)`) { // whoever makes a certificate names it
		t.Errorf("verified by %q", s)
	}
	if !bytes.Equal(r.Logs[attest.LogBoot], readTestdata(t, "../testdata/vm/secure-boot/boot.bin")) {
		t.Error("the log is not kept")
	}
	r = vm(t, "secure-boot").result(nil, nil, TierEnterprise)
	for _, d := range []Demand{DemandBootLog, DemandSecureBoot, DemandTPMClass} {
		if capped(r, d) {
			t.Errorf("%s is not met: %+v", d, r.Unmet)
		}
	}
}

func TestSecureBootOffCapsEnterpriseAlone(t *testing.T) {
	r := vm(t, "secure-boot-off").result(nil, nil, TierVerified)
	wants(t, r, "!secure_boot.off", "-secure_boot.on", "-secure_boot.not_evaluable", "+boot.replays")
	if !r.Accepted {
		t.Errorf("%+v", r.Unmet)
	}
	r = vm(t, "secure-boot-off").result(nil, nil, TierEnterprise)
	if !slices.Contains(r.Unmet, Unmet{TierEnterprise, "secure_boot", "secure_boot.off"}) {
		t.Errorf("%+v", r.Unmet)
	}
}

// A log that does not explain the registers caps, and accuses nobody.
func TestBootLogThatDoesNotReplayCaps(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*forge)
		want   []string
		seen   string
	}{
		"another boot's log": {func(f *forge) {
			f.sends(attest.LogBoot, 0, readTestdata(t, "../testdata/vm/secure-boot-off/boot.bin"), false)
		}, []string{"!boot.replay", "-boot.replays", "?secure_boot.not_evaluable", "-secure_boot.off", "?boot.command_line"}, "not to 0, 4, 7, 8, 9"},
		"a register that only holds settings": {func(f *forge) {
			f.holds(func(m map[uint][]byte) { m[1] = bytes.Clone(m[0]) })
		}, []string{"!boot.replay", "+secure_boot.on", "+boot.command_line"}, "not to 1"},
		"an event left out": {func(f *forge) {
			b := f.logs[attest.LogBoot].Bytes
			f.sends(attest.LogBoot, 0, withoutLast(t, b), false)
		}, []string{"!boot.replay"}, "not to "},
		"a register that decides nothing": {func(f *forge) {
			f.holds(func(m map[uint][]byte) { m[11][0], m[13][0], m[15][0] = 1, 1, 1 })
		}, []string{"+boot.replays", "-boot.replay"}, ""},
	} {
		f := vm(t, "secure-boot")
		c.change(f)
		r := f.result(nil, nil, TierVerified)
		wants(t, r, c.want...)
		if bad := ids(r, Contraindicated); len(bad) > 0 || r.Accepted != (c.seen == "") || r.Tier == TierNone {
			t.Errorf("%s: accepted %v as %s, contradicted by %v", name, r.Accepted, r.Tier, bad)
		}
		if c.seen != "" && !strings.Contains(seenOf(r, "boot.replay"), c.seen) {
			t.Errorf("%s: %q", name, seenOf(r, "boot.replay"))
		}
		if c.seen != "" && (!slices.Contains(r.Unmet, Unmet{TierVerified, "boot_log", "boot.replay"}) || len(r.Logs[attest.LogBoot]) > 0) {
			t.Errorf("%s: %+v, keeps %d bytes", name, r.Unmet, len(r.Logs[attest.LogBoot]))
		}
	}
}

// withoutLast is a crypto-agile log without its last event.
func withoutLast(t *testing.T, b []byte) []byte {
	t.Helper()
	ends := eventEnds(b)
	return b[:ends[len(ends)-2]]
}

// eventEnds are the offsets behind each event of a log with SHA-256 and SHA-384 digests.
func eventEnds(b []byte) (ends []int) {
	at := 32 + int(binary.LittleEndian.Uint32(b[28:])) // the header, in TPM 1.2's form
	for ends = []int{at}; at < len(b); ends = append(ends, at) {
		at += 12 + 2 + 32 + 2 + 48
		at += 4 + int(binary.LittleEndian.Uint32(b[at:]))
	}
	return ends
}

// Registers that nobody extended are explained by an empty log, which explains nothing: a TPM on a side board.
func TestRegistersThatNobodyExtendedAreNoBoot(t *testing.T) {
	f := vm(t, "secure-boot").holds(func(m map[uint][]byte) {
		for i := range m {
			m[i] = make([]byte, 32)
		}
	})
	b := f.logs[attest.LogBoot].Bytes
	f.sends(attest.LogBoot, 0, b[:eventEnds(b)[0]], false)
	r := f.result(nil, nil, TierVerified)
	wants(t, r, "!boot.replay", "-boot.replays", "-secure_boot.on")
	if r.Accepted || len(r.Logs[attest.LogBoot]) > 0 || !strings.Contains(seenOf(r, "boot.replay"), "0: 0, failed false") {
		t.Errorf("accepted %v: %q", r.Accepted, seenOf(r, "boot.replay"))
	}
}

func TestBootLogThatCannotBeReadIsNotEvaluable(t *testing.T) {
	absent := attest.Absent(attest.LogBoot, attest.NotPermitted, "the agent may not read it")
	for name, c := range map[string]struct {
		change func(*forge)
		seen   string
	}{
		"not asked for": {func(f *forge) { delete(f.logs, attest.LogBoot) }, "did not ask"},
		"not sent":      {func(f *forge) { f.response = func(r *attest.Response) { delete(r.Logs, attest.LogBoot) } }, "sent none"},
		"absent":        {func(f *forge) { f.logs[attest.LogBoot] = attest.Part{Bytes: []byte{}, Absent: &absent} }, "not-permitted: the agent may not read it"},
		"longer":        {func(f *forge) { f.sends(attest.LogBoot, 0, f.logs[attest.LogBoot].Bytes, true) }, "longer than"},
		"empty":         {func(f *forge) { f.sends(attest.LogBoot, 0, []byte{}, false) }, "boot log:"},
		"noise":         {func(f *forge) { f.sends(attest.LogBoot, 0, bytes.Repeat([]byte{7}, 100), false) }, "boot log:"},
		"at another byte": {func(f *forge) {
			f.response = func(r *attest.Response) {
				p := r.Logs[attest.LogBoot]
				p.Offset = 1
				r.Logs[attest.LogBoot] = p
			}
		}, "asked from byte 0, sent from byte 1"},
		"from the middle, without history": {func(f *forge) { f.sends(attest.LogBoot, 100, f.logs[attest.LogBoot].Bytes[100:], false) }, "the history holds 0"},
	} {
		f := vm(t, "secure-boot")
		c.change(f)
		r := f.result(nil, nil, TierVerified)
		wants(t, r, "?boot.not_evaluable", "-boot.replay", "-boot.replays", "-secure_boot.on", "-secure_boot.off")
		if !strings.Contains(seenOf(r, "boot.not_evaluable"), c.seen) || r.Accepted || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("%s: accepted %v, %q", name, r.Accepted, seenOf(r, "boot.not_evaluable"))
		}
		if !slices.Contains(r.Unmet, Unmet{TierVerified, "boot_log", "boot.not_evaluable"}) {
			t.Errorf("%s: %+v", name, r.Unmet)
		}
		if got := f.result(nil, nil, TierEnterprise); !slices.Contains(got.Unmet, Unmet{TierEnterprise, "secure_boot", "secure_boot.not_evaluable"}) {
			t.Errorf("%s: %+v", name, got.Unmet)
		}
		if _, drop := r.Logs[attest.LogBoot]; drop {
			t.Errorf("%s: says what to keep", name)
		}
	}
}

// A type is covered by no digest: one that the profile does not list is said, and everything else is judged as before.
func TestUnknownEventsAreNamed(t *testing.T) {
	for _, n := range []int{1, 30} {
		f := vm(t, "secure-boot")
		b := bytes.Clone(f.logs[attest.LogBoot].Bytes)
		changed := 0
		for _, at := range eventEnds(b) {
			// The libraries read types in register 7.
			if at < len(b) && changed < n && binary.LittleEndian.Uint32(b[at:]) < 7 && binary.LittleEndian.Uint32(b[at+4:]) > uint32(bootlog.Separator) {
				binary.LittleEndian.PutUint32(b[at+4:], 0x1234)
				changed++
			}
		}
		r := f.sends(attest.LogBoot, 0, b, false).result(nil, nil, TierVerified)
		wants(t, r, "!boot.unknown_event", "+boot.replays")
		told := 0
		for _, x := range r.Findings {
			if x.ID == "boot.unknown_event" {
				told++
			}
		}
		if want := map[bool]int{true: changed, false: 1}[changed <= maxUnknownEvents]; told != want || n > maxUnknownEvents && changed <= maxUnknownEvents {
			t.Errorf("%d events, %d findings", changed, told)
		}
	}
}

// The readers are bootlog's; here it counts what is made of their reports.
func TestReadersThatDisagreeAreNeitherOnNorOff(t *testing.T) {
	opinions := []bootlog.Opinion{{Reader: "a", On: true}, {Reader: "b"}}
	f := vm(t, "secure-boot")
	ap := appraisedBy(t, f)
	ap.findings, ap.boot.secureBoot = nil, false
	ap.secureBootState(&bootlog.Report{Disagree: true, Opinions: opinions, SecureBoot: bootlog.NotKnown[bool](fmt.Errorf("they disagree"))})
	if len(ap.findings) != 1 || ap.findings[0].ID != "boot.parsers_disagree" || ap.findings[0].Status != None || ap.boot.secureBoot {
		t.Errorf("%+v", ap.findings)
	}
	v := f.verifier(t, f.known(), nil)
	r := v.Decide(v.CrossCheck(ap))
	if u := v.unmet(TierEnterprise, v.CrossCheck(ap)); !slices.Contains(u, Unmet{TierEnterprise, "secure_boot", "boot.parsers_disagree"}) {
		t.Errorf("%+v", u)
	}
	if len(ids(r, Contraindicated)) > 0 {
		t.Error("a disagreement accuses the node")
	}
}

func TestFirmwareThatDoesNotProtectMemoryIsSaid(t *testing.T) {
	ap := appraisedBy(t, vm(t, "secure-boot"))
	for off, want := range map[bool]bool{true: true, false: false} {
		ap.findings = nil
		ap.bootFacts(&bootlog.Report{DMAProtectionDisabled: bootlog.Known(off), CommandLines: bootlog.Known([]string{"/a", "/b"})})
		if got := slices.ContainsFunc(ap.findings, func(f Finding) bool { return f.ID == "boot.dma_protection" }); got != want {
			t.Errorf("off %v: said %v", off, got)
		}
	}
	if !slices.Equal(ap.boot.commandLines, []string{"/a", "/b"}) {
		t.Errorf("%q", ap.boot.commandLines)
	}
}

// appraisedBy is the forge's record after appraisal.
func appraisedBy(t testing.TB, f *forge) *Appraised {
	t.Helper()
	v := f.verifier(t, f.known(), nil)
	op, refused, err := v.Open(f.make(), f.soon(TierVerified))
	if err != nil || refused != nil {
		t.Fatalf("%v %+v", err, refused)
	}
	a, refused := v.Authenticate(op)
	if refused != nil {
		t.Fatalf("%+v", refused)
	}
	return v.Appraise(a)
}

// bootOf is the boot reference of one of our machine's boots.
func bootOf(t *testing.T, dir string) attest.ReferenceBoot {
	t.Helper()
	w := newWorld(t)
	w.boots(dir)
	r := w.reference()
	if len(r.Boots) != 1 {
		t.Fatalf("%d boots", len(r.Boots))
	}
	return r.Boots[0]
}

func TestBootIsKnownByRegistersOrByPolicy(t *testing.T) {
	whole := bootOf(t, "secure-boot")
	if whole.Policy == nil || len(whole.Registers) != len(exactRegisters) || len(whole.Policy.CommandLines) != 1 {
		t.Fatalf("%+v", whole)
	}
	if off := bootOf(t, "secure-boot-off"); off.Policy != nil || len(off.Registers) == 0 {
		t.Errorf("a policy of a boot that verified nothing: %+v", off.Policy)
	}
	policy, registers, other := whole, whole, whole
	policy.Registers = nil
	registers.Policy = nil
	other.Policy, other.Bank = nil, 0x0c
	for name, c := range map[string]struct {
		dir   string
		known []attest.ReferenceBoot
		want  string
		seen  string
	}{
		"both":                 {"secure-boot", []attest.ReferenceBoot{whole}, "+boot.reference.match", ""},
		"registers alone":      {"secure-boot", []attest.ReferenceBoot{registers}, "+boot.reference.match", ""},
		"policy alone":         {"secure-boot", []attest.ReferenceBoot{policy}, "+boot.reference.match", ""},
		"started once more":    {"secure-boot-again", []attest.ReferenceBoot{registers}, "+boot.reference.match", ""},
		"second of two":        {"secure-boot", []attest.ReferenceBoot{bootOf(t, "changed-cmdline"), whole}, "+boot.reference.match", ""},
		"another command line": {"changed-cmdline", []attest.ReferenceBoot{whole}, "!boot.reference.differs", `command line "/vmlinuz root=LABEL=root ro console=ttyS0 quiet module.sig_enforce=0 ima_policy=tcb"`},
		"registers of another": {"changed-cmdline", []attest.ReferenceBoot{registers}, "!boot.reference.differs", "register 8; register 9"},
		"Secure Boot off":      {"secure-boot-off", []attest.ReferenceBoot{policy}, "!boot.reference.differs", "Secure Boot is not on"},
		"registers of SHA-384": {"secure-boot", []attest.ReferenceBoot{other}, "!boot.reference.differs", "registers of bank 0xc, quoted 0xb"},
		"no reference":         {"secure-boot", nil, "-boot.reference.differs", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := vm(t, c.dir)
			r := f.result(f.references(attest.Reference{Boots: c.known}), nil, TierVerified)
			wants(t, r, c.want)
			if c.seen != "" && !strings.Contains(seenOf(r, c.want[1:]), c.seen) {
				t.Errorf("%q", seenOf(r, c.want[1:]))
			}
			if !r.Accepted {
				t.Errorf("an unknown boot is not guilty: %+v", r.Unmet)
			}
		})
	}
}

// Whatever of the boot a policy does not list is named.
func TestPolicyMustKnowEverythingThatTheLogShows(t *testing.T) {
	whole := bootOf(t, "secure-boot")
	whole.Registers = nil
	for name, c := range map[string]struct {
		change func(*attest.BootPolicy)
		seen   string
	}{
		"firmware":     {func(p *attest.BootPolicy) { p.Firmware = [][]byte{make([]byte, 32)} }, "firmware (register 0)"},
		"no firmware":  {func(p *attest.BootPolicy) { p.Firmware = [][]byte{} }, "firmware (register 0)"},
		"key":          {func(p *attest.BootPolicy) { p.Keys = p.Keys[:1] }, `key "`},
		"image":        {func(p *attest.BootPolicy) { p.Images = p.Images[1:] }, "image "},
		"file":         {func(p *attest.BootPolicy) { p.Files = p.Files[1:] }, "file "},
		"key list":     {func(p *attest.BootPolicy) { p.Lists = p.Lists[1:] }, "key list "},
		"command line": {func(p *attest.BootPolicy) { p.CommandLines = []string{"/vmlinuz"} }, "command line "},
	} {
		b := whole
		p := *whole.Policy
		b.Policy = &p
		c.change(&p)
		f := vm(t, "secure-boot")
		r := f.result(f.references(attest.Reference{Boots: []attest.ReferenceBoot{b}}), nil, TierVerified)
		if wants(t, r, "!boot.reference.differs"); !strings.Contains(seenOf(r, "boot.reference.differs"), c.seen) {
			t.Errorf("%s: %q", name, seenOf(r, "boot.reference.differs"))
		}
	}
	f := vm(t, "secure-boot").holds(func(m map[uint][]byte) { m[1] = make([]byte, 32) })
	wants(t, f.result(f.references(attest.Reference{Boots: []attest.ReferenceBoot{whole}}), nil, TierVerified),
		"?boot.reference.not_evaluable", "-boot.reference.match", "-boot.reference.differs")
}

// Register 12 is where systemd's stub measures a command line.
func TestExactReferenceHoldsTheStubsRegister(t *testing.T) {
	b := bootOf(t, "secure-boot")
	b.Policy = nil
	f := vm(t, "secure-boot").holds(func(m map[uint][]byte) { d := sha256.Sum256(nil); m[12] = d[:] })
	r := f.result(f.references(attest.Reference{Boots: []attest.ReferenceBoot{b}}), nil, TierVerified)
	if wants(t, r, "!boot.reference.differs"); !strings.HasSuffix(seenOf(r, "boot.reference.differs"), ": register 12") {
		t.Errorf("%q", seenOf(r, "boot.reference.differs"))
	}
}

func TestPartOfAReferenceMatchesAndClosesNoWorld(t *testing.T) {
	b := bootOf(t, "secure-boot")
	b.Registers = map[uint][]byte{0: b.Registers[0]}
	b.Policy.CommandLines = []string{"/vmlinuz"}
	f := vm(t, "secure-boot")
	r := f.result(f.references(attest.Reference{Boots: []attest.ReferenceBoot{b}}), nil, TierEnterpriseMeasured)
	wants(t, r, "+boot.reference.match", "!measured.boot_reference")
}

// TestTPMClassIsJudged: each class with its finding and its demand.
func TestTPMClassIsJudged(t *testing.T) {
	for class, c := range map[string]struct {
		want []string
		met  bool
	}{
		"discrete": {[]string{"?tpm.class", "-tpm_class.not_evaluable"}, true},
		"firmware": {[]string{"?tpm.class", "-tpm_class.not_evaluable"}, true},
		"virtual":  {[]string{"!tpm.class", "-tpm_class.not_evaluable"}, false},
		"unknown":  {[]string{"?tpm_class.not_evaluable", "-tpm.class"}, false},
	} {
		f := vm(t, "secure-boot")
		f.node = func(n *attest.Node) { n.TPM.Class = class }
		r := f.result(nil, nil, TierEnterprise)
		if wants(t, r, c.want...); capped(r, DemandTPMClass) == c.met {
			t.Errorf("%s: %+v", class, r.Unmet)
		}
	}
}
