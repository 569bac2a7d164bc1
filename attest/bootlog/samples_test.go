//go:debug x509negativeserial=1

package bootlog_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-eventlog/testdata"

	"github.com/hallmark-attest/hallmark/attest/bootlog"
)

const (
	sha256Bank = 0x000b
	sha384Bank = 0x000c
)

// sample is a log of a real machine.
type sample struct {
	name string
	raw  []byte
}

// samples: those in small letters are of our own virtual machines, the others go-eventlog's (Apache-2.0).
func samples(t testing.TB) []sample {
	out := []sample{{"vm-secureboot", file(t, "testdata/vm-secureboot.bin")}}
	for _, boot := range vmBoots {
		out = append(out, sample{boot, file(t, "../../testdata/vm/"+boot+"/boot.bin")})
	}
	return append(out, []sample{
		{"Rhel8EventLog", testdata.Rhel8EventLog},
		{"Cos125IntelTdxSecureBootA4HighGpu8GEventLog", testdata.Cos125IntelTdxSecureBootA4HighGpu8GEventLog},
		{"Ubuntu2404IntelTdxA4HighGpu8GEventLog", testdata.Ubuntu2404IntelTdxA4HighGpu8GEventLog},
		{"Ubuntu2404AmdSevSnpEventLog", testdata.Ubuntu2404AmdSevSnpEventLog},
		{"Ubuntu2104NoDbxEventLog", testdata.Ubuntu2104NoDbxEventLog},
		{"Ubuntu2104NoSecureBootEventLog", testdata.Ubuntu2104NoSecureBootEventLog},
		{"Ubuntu1804AmdSevEventLog", testdata.Ubuntu1804AmdSevEventLog},
		{"Cos85AmdSevEventLog", testdata.Cos85AmdSevEventLog},
		{"Cos93AmdSevEventLog", testdata.Cos93AmdSevEventLog},
		{"Cos101AmdSevEventLog", testdata.Cos101AmdSevEventLog},
		{"Cos121AmdSevEventLog", testdata.Cos121AmdSevEventLog},
		{"ArchLinuxWorkstationEventLog", testdata.ArchLinuxWorkstationEventLog},
		{"GdcHost", testdata.GdcHost},
		{"GlinuxAlexEventLog", testdata.GlinuxAlexEventLog},
		{"HostGMESEventLog", testdata.HostGMESEventLog},
		{"Debian10EventLog", testdata.Debian10EventLog},
	}...)
}

// vmBoots are boots of testdata/vm, with the registers that tpm2_pcrread gave.
var vmBoots = []string{"secure-boot", "secure-boot-again", "secure-boot-off", "changed-cmdline"}

func file(t testing.TB, name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleOf(t testing.TB, name string) []byte {
	for _, s := range samples(t) {
		if s.name == name {
			return s.raw
		}
	}
	t.Fatalf("no sample %s", name)
	return nil
}

// quoted gives registers as read from the machine where they are known
// (testdata/registers.json: those of go-eventlog's tests and of our machine; a
// register that is not listed was zero), else replayed.
func quoted(t testing.TB, name string, bank uint16, raw []byte) (pcrs map[uint][]byte, read bool) {
	var all map[string]map[string]map[string]string
	if err := json.Unmarshal(file(t, "testdata/registers.json"), &all); err != nil {
		t.Fatal(err)
	}
	section := map[uint16]string{sha256Bank: "sha256", sha384Bank: "sha384"}[bank]
	known := all[name][section]
	if slices.Contains(vmBoots, name) {
		known = pcrread(file(t, "../../testdata/vm/"+name+"/pcrs.txt"), section)
	}
	if len(known) == 0 {
		return replay(raw, bank, 0), false
	}
	pcrs = zeros(bank)
	for k, v := range known {
		i, err := strconv.Atoi(k)
		if err != nil {
			t.Fatal(err)
		}
		if i > 15 {
			continue
		}
		if pcrs[uint(i)], err = hex.DecodeString(v); err != nil {
			t.Fatal(err)
		}
	}
	return pcrs, true
}

// pcrread reads the output of tpm2_pcrread.
func pcrread(text []byte, section string) map[string]string {
	out := map[string]string{}
	inside := false
	for line := range strings.Lines(string(text)) {
		index, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		switch value = strings.TrimSpace(value); {
		case ok && value == "":
			inside = index == section
		case ok && inside:
			out[strings.TrimSpace(index)] = strings.TrimPrefix(value, "0x")
		}
	}
	return out
}

func zeros(bank uint16) map[uint][]byte {
	pcrs := map[uint][]byte{}
	for i := range uint(16) {
		pcrs[i] = make([]byte, newHash(bank).Size())
	}
	return pcrs
}

func newHash(bank uint16) hash.Hash {
	if bank == sha384Bank {
		return sha512.New384()
	}
	return sha256.New()
}

// replay is a TPM in thirty lines, written against the format and not against the
// package. Register 0 starts at the given locality.
func replay(raw []byte, bank uint16, locality byte) map[uint][]byte {
	pcrs := zeros(bank)
	pcrs[0][len(pcrs[0])-1] = locality
	for i := range uint(8) {
		pcrs[16+i] = make([]byte, newHash(bank).Size())
	}
	u32 := func(b []byte) int { return int(binary.LittleEndian.Uint32(b)) }
	sizes := map[int]int{4: 20, 11: 32, 12: 48, 13: 64, 18: 32}
	for at := 32 + u32(raw[28:]); at < len(raw); {
		register, typ, n := uint(u32(raw[at:])), u32(raw[at+4:]), u32(raw[at+8:])
		at += 12
		for range n {
			alg := int(binary.LittleEndian.Uint16(raw[at:]))
			digest := raw[at+2 : at+2+sizes[alg]]
			at += 2 + sizes[alg]
			if typ != 3 && alg == int(bank) {
				h := newHash(bank)
				h.Write(pcrs[register])
				h.Write(digest)
				pcrs[register] = h.Sum(nil)
			}
		}
		at += 4 + u32(raw[at:])
	}
	return pcrs
}

func judge(t testing.TB, name string, bank uint16) *bootlog.Report {
	raw := sampleOf(t, name)
	pcrs, _ := quoted(t, name, bank, raw)
	return bootlog.Judge(raw, bank, pcrs)
}
