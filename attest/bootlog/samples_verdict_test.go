package bootlog_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

// verdict is one row of docs/kinds/boot.md.
type verdict struct {
	name        string
	bank        uint16
	events      int
	locality    uint8
	read        bool   // the registers were read from a TPM, not replayed by the test
	secureBoot  string // on, off, or part of the reason
	keys        [4]int // PK, KEK, db, dbx
	authorities string // names of keys, in order
	components  int
	drivers     int
	lines       string // begins so; empty: none
	commands    int
	files       int
	open        bool // not closed by separators
}

const (
	msCA = "Microsoft Corporation UEFI CA 2011"
)

var verdicts = []verdict{
	{"vm-secureboot", sha256Bank, 52, 0, true, "on", [4]int{1, 2, 2, 1}, msCA + ", Debian Secure Boot CA", 4, 0, "/vmlinuz root=LABEL=root rw", 10, 4, false},
	{"vm-secureboot", sha384Bank, 52, 0, true, "on", [4]int{1, 2, 2, 1}, msCA + ", Debian Secure Boot CA", 4, 0, "/vmlinuz root=LABEL=root rw", 10, 4, false},
	{"secure-boot", sha256Bank, 48, 0, true, "on", [4]int{1, 2, 2, 1}, msCA + ", Debian Secure Boot CA", 4, 0, "/vmlinuz root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb", 10, 4, false},
	{"secure-boot-again", sha384Bank, 48, 0, true, "on", [4]int{1, 2, 2, 1}, msCA + ", Debian Secure Boot CA", 4, 0, "/vmlinuz root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb", 10, 4, false},
	{"secure-boot-off", sha256Bank, 43, 0, true, "off", [4]int{0, 0, 0, 0}, "", 3, 0, "/vmlinuz root=LABEL=root ro console=ttyS0 quiet ima_policy=tcb initrd=initrd.img", 8, 4, false},
	{"changed-cmdline", sha256Bank, 48, 0, true, "on", [4]int{1, 2, 2, 1}, msCA + ", Debian Secure Boot CA", 4, 0, "/vmlinuz root=LABEL=root ro console=ttyS0 quiet module.sig_enforce=0 ima_policy=tcb", 10, 4, false},
	{"Rhel8EventLog", sha256Bank, 82, 0, true, "on", [4]int{1, 1, 2, 186}, msCA + ", Red Hat Secure Boot CA 5", 3, 0, "(hd0,gpt2)/boot/vmlinuz-4.18.0", 50, 2, false},
	{"Cos125IntelTdxSecureBootA4HighGpu8GEventLog", sha384Bank, 102, 0, true, "on", [4]int{1, 1, 1, 4}, "UEFI DB Key v20251004, UEFI DB Key v20251004", 2, 1, "/syslinux/vmlinuz.A init=", 15, 2, false},
	{"Ubuntu2404IntelTdxA4HighGpu8GEventLog", sha384Bank, 166, 0, true, "off", [4]int{1, 2, 4, 371}, "", 1, 1, "/vmlinuz-6.17.0-1008-gcp root=PARTUUID=", 72, 12, false},
	{"Ubuntu2404AmdSevSnpEventLog", sha256Bank, 116, 0, true, "off", [4]int{1, 1, 2, 371}, "", 2, 0, "/vmlinuz-6.8.0-1010-gcp root=PARTUUID=", 71, 12, false},
	{"Ubuntu2104NoDbxEventLog", sha256Bank, 111, 0, true, "off", [4]int{1, 1, 2, 0}, "", 2, 0, "/boot/vmlinuz-5.11.0-1008-gcp root=", 73, 9, false},
	{"Ubuntu2104NoSecureBootEventLog", sha256Bank, 105, 0, true, "off", [4]int{1, 1, 2, 186}, "", 2, 0, "/boot/vmlinuz-5.11.0-1006-gcp root=", 67, 9, false},
	{"Ubuntu1804AmdSevEventLog", sha256Bank, 87, 0, true, "off", [4]int{1, 1, 2, 77}, "", 2, 0, "/boot/vmlinuz-5.4.0-1046-gcp root=", 52, 10, false},
	{"Cos85AmdSevEventLog", sha256Bank, 45, 0, true, "on", [4]int{1, 1, 1, 4}, "UEFI DB Key v10, UEFI DB Key v10, UEFI DB Key v10", 3, 0, "/syslinux/vmlinuz.A init=", 15, 2, false},
	{"Cos93AmdSevEventLog", sha256Bank, 45, 0, true, "on", [4]int{1, 1, 1, 4}, "UEFI DB Key v10, UEFI DB Key v10, UEFI DB Key v10", 3, 0, "/syslinux/vmlinuz.A init=", 15, 2, false},
	{"Cos101AmdSevEventLog", sha256Bank, 48, 0, true, "on", [4]int{1, 1, 1, 4}, "UEFI DB Key v10, UEFI DB Key v10", 4, 0, "/syslinux/vmlinuz.A init=", 15, 2, false},
	{"Cos121AmdSevEventLog", sha256Bank, 52, 0, true, "on", [4]int{1, 1, 1, 4}, "UEFI DB Key v20250203, UEFI DB Key v20250203", 3, 0, "/syslinux/vmlinuz.A init=", 15, 2, false},
	{"ArchLinuxWorkstationEventLog", sha256Bank, 24, 0, true, `SecureBoot is ""`, [4]int{1, 2, 12, 77}, "", 2, 1, `initrd=\intel-ucode.img initrd=\initramfs`, 1, 0, false},
	{"GdcHost", sha256Bank, 158, 3, true, "off", [4]int{1, 1, 5, 460}, "", 3, 35, "/vmlinuz-6.9.0-rc7+ root=/dev/mapper/ubuntu--vg-ubuntu--lv", 66, 14, false},
	{"GlinuxAlexEventLog", sha256Bank, 28, 3, true, "off", [4]int{1, 1, 4, 77}, "", 1, 1, "", 0, 0, false},
	{"HostGMESEventLog", sha256Bank, 11, 4, false, "register 7: no separator", [4]int{-1, -1, -1, -1}, "", 0, 4, "", 0, 0, true},
}

// TestSamplesAreJudgedPartByPart runs every sample whose registers are known, and one whose are not.
func TestSamplesAreJudgedPartByPart(t *testing.T) {
	for _, v := range verdicts {
		t.Run(v.name+map[uint16]string{sha384Bank: "/384", sha256Bank: "/256"}[v.bank], func(t *testing.T) {
			raw := sampleOf(t, v.name)
			pcrs, read := quoted(t, v.name, v.bank, raw)
			if !read {
				pcrs = replay(raw, v.bank, v.locality)
			}
			r := bootlog.Judge(raw, v.bank, pcrs)
			if r.Err != nil || !r.Replays || r.Disagree || len(r.Unknown) > 0 {
				t.Fatalf("error %v, replays %v, disagree %v, unknown %v", r.Err, r.Replays, r.Disagree, r.Unknown)
			}
			if got := seen(r, v, read); got != v {
				t.Errorf("-want +got:\n%s", cmp.Diff(v, got, cmp.AllowUnexported(verdict{})))
			}
		})
	}
}

// seen makes the row of a report. Texts of the wanted row are kept where the report has them.
func seen(r *bootlog.Report, want verdict, read bool) verdict {
	got := verdict{name: want.name, bank: r.Bank, events: r.Events, locality: r.Locality, read: read, open: !r.Closed}
	switch on, err := r.SecureBoot.Get(); {
	case err != nil:
		got.secureBoot = err.Error()
		if strings.Contains(got.secureBoot, want.secureBoot) {
			got.secureBoot = want.secureBoot
		}
	case on:
		got.secureBoot = "on"
	default:
		got.secureBoot = "off"
	}
	for i, f := range []bootlog.Fact[bootlog.KeyList]{r.PK, r.KEK, r.DB, r.DBX} {
		got.keys[i] = -1
		if list, err := f.Get(); err == nil {
			got.keys[i] = len(list.Keys)
		}
	}
	var names []string
	authorities, _ := r.Authorities.Get()
	for _, a := range authorities {
		if a.Key.Kind != bootlog.KeyValue {
			names = append(names, a.Key.Name)
		}
	}
	got.authorities = strings.Join(names, ", ")
	components, _ := r.Components.Get()
	drivers, _ := r.Drivers.Get()
	commands, _ := r.Commands.Get()
	files, _ := r.Files.Get()
	got.components, got.drivers, got.commands, got.files = len(components), len(drivers), len(commands), len(files)
	lines, _ := r.CommandLines.Get()
	got.lines = strings.Join(lines, "\n")
	if len(lines) == 1 && want.lines != "" && strings.HasPrefix(lines[0], want.lines) {
		got.lines = want.lines
	}
	return got
}

func TestKernelsOwnMeasurementConfirmsTheCommandLine(t *testing.T) {
	for name, bank := range map[string]uint16{"GdcHost": sha256Bank, "secure-boot-off": sha256Bank, "Ubuntu2404AmdSevSnpEventLog": sha256Bank, "Ubuntu2404IntelTdxA4HighGpu8GEventLog": sha384Bank} {
		files, err := judge(t, name, bank).Files.Get()
		if err != nil {
			t.Fatal(err)
		}
		confirmed := ""
		for _, f := range files {
			if f.Value == "load options" {
				confirmed = f.Label
			}
		}
		if confirmed != "LOADED_IMAGE::LoadOptions" {
			t.Errorf("%s: confirmed by %q", name, confirmed)
		}
	}
}

func TestLogOfTPM12IsNotJudged(t *testing.T) {
	r := bootlog.Judge(sampleOf(t, "Debian10EventLog"), sha256Bank, zeros(sha256Bank))
	if r.Err == nil || r.Replays || r.SecureBoot.Err() == nil || r.CommandLines.Err() == nil {
		t.Errorf("a log with SHA-1 digests only: %+v", r)
	}
}

// Go refuses a certificate of this vendor unless a setting of the program says
// otherwise. Keys are known all the same; Secure Boot is not, and is not "on".
func TestNegativeSerialCostsSecureBootAndNotTheKeys(t *testing.T) {
	t.Setenv("GODEBUG", "x509negativeserial=0")
	r := judge(t, "GlinuxAlexEventLog", sha256Bank)
	if err := r.SecureBoot.Err(); err == nil || !strings.Contains(err.Error(), "negative serial") {
		t.Errorf("secure boot: %v", err)
	}
	if list, err := r.PK.Get(); err != nil || len(list.Keys) != 1 {
		t.Errorf("PK: %v, %v", list, err)
	}
	if len(r.Opinions) != 3 || r.Opinions[0].Err != nil || r.Disagree {
		t.Errorf("opinions %+v", r.Opinions)
	}
}

func TestFirmwareThatDisablesDMAProtectionIsRead(t *testing.T) {
	if off, err := judge(t, "GdcHost", sha256Bank).DMAProtectionDisabled.Get(); err != nil || !off {
		t.Errorf("%v, %v", off, err)
	}
	if off, err := judge(t, "vm-secureboot", sha256Bank).DMAProtectionDisabled.Get(); err != nil || off {
		t.Errorf("%v, %v", off, err)
	}
}
