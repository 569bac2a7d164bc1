package tdx_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-eventlog/ccel"
	"github.com/google/go-eventlog/extract"
	"github.com/google/go-eventlog/register"

	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// TestEventLogReplaysToTheQuotedRegisters: table and log as the kernel shows them, registers as the hardware signs them.
func TestEventLogReplaysToTheQuotedRegisters(t *testing.T) {
	for _, insecure := range []bool{false, true} {
		a, err := tdx.NewAuthority(t.Name(), at)
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.NewLinuxBoot(tdx.BootOptions{InsecureBoot: insecure, CommandLine: "/vmlinuz root=/dev/mapper/root"})
		if err != nil {
			t.Fatal(err)
		}
		m := tdx.Defaults()
		b.Apply(&m)
		_, h := newHost(t, tdx.HostOptions{CCELLog: b.Log(64 << 10)})
		table, err := h.Read("/sys/firmware/acpi/tables/CCEL", 100)
		if err != nil {
			t.Fatal(err)
		}
		log, err := h.Read("/sys/firmware/acpi/tables/data/CCEL", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		p, err := a.Platform(tdx.PlatformOptions{})
		if err != nil {
			t.Fatal(err)
		}
		q := p.NewTD(m).Quote([64]byte{})
		bank := register.RTMRBank{}
		for i := range 4 {
			bank.RTMRs = append(bank.RTMRs, register.RTMR{Index: i, Digest: q[48+328+48*i:][:48]})
		}
		state, err := ccel.ReplayAndExtract(table, log, bank, extract.Opts{Loader: extract.GRUB})
		if err != nil {
			t.Errorf("insecure %v: %v", insecure, err)
			continue
		}
		if state.SecureBoot.Enabled == insecure || len(state.Efi.Apps) != 3 || strings.TrimRight(state.LinuxKernel.CommandLine, "\x00") != "/vmlinuz root=/dev/mapper/root" {
			t.Errorf("insecure %v: secure boot %v, %d applications, command line %q", insecure, state.SecureBoot.Enabled, len(state.Efi.Apps), state.LinuxKernel.CommandLine)
		}
		changed := bytes.Replace(log, []byte("/dev/mapper/root"), []byte("/dev/mapper/toor"), 1)
		if _, err := ccel.ReplayAndExtract(table, changed, bank, extract.Opts{Loader: extract.GRUB}); err == nil {
			t.Error("another command line is believed")
		}
		bank.RTMRs[1].Digest = make([]byte, 48)
		if _, err := ccel.ReplayAndExtract(table, log, bank, extract.Opts{}); err == nil || !strings.Contains(err.Error(), "replay") {
			t.Errorf("another RTMR1: %v", err)
		}
	}
}
