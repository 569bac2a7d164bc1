package ima_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/ima"
)

// What our own virtual machine wrote (Debian 12, kernel 6.1, tcb policy): its
// list, its registers when the list had 465 entries, and the digest that its TPM quoted later
// over registers 0 to 10 and 14.
const vmQuotedDigest = "fc3ef2768fceb19722c28cf5e81bdfea8cec641cfd7e9ab3a45b5e20be508e2e"

func vmList(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/vm-ima-sig.bin")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vmRegisters reads one bank of tpm2_pcrread's output.
func vmRegisters(t testing.TB, bank string) map[uint][]byte {
	t.Helper()
	b, err := os.ReadFile("testdata/vm-pcrs.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "  "+bank+":\n")
	pcrs := map[uint][]byte{}
	for line := range strings.Lines(rest) {
		var i uint
		var value string
		if n, _ := fmt.Sscanf(strings.Replace(line, ":", " ", 1), "%d 0x%s", &i, &value); n != 2 {
			break
		}
		v, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		pcrs[i] = v
	}
	if len(pcrs) != 24 {
		t.Fatalf("%d registers of bank %s in the sample", len(pcrs), bank)
	}
	return pcrs
}

func whole(t testing.TB, b ima.Bank, part []byte) *ima.List {
	t.Helper()
	l, err := ima.NewReplay(b).Continue(part)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func equals(want []byte) func([]byte) bool {
	return func(register []byte) bool { return bytes.Equal(register, want) }
}

func TestListOfOurVMReplaysToItsRegisters(t *testing.T) {
	for _, c := range []struct {
		bank    ima.Bank
		name    string
		entries int
	}{
		{ima.Bank{Alg: ima.SHA256}, "sha256", 465},
		{ima.Bank{Alg: ima.SHA384, Padded: true}, "sha384", 465}, // "ima: Can not allocate sha384"
		{ima.Bank{Alg: ima.SHA384}, "sha384", -1},
		{ima.Bank{Alg: ima.SHA256, Padded: true}, "sha256", -1},
	} {
		l := whole(t, c.bank, vmList(t))
		n, size, ok := l.LongestPrefix(equals(vmRegisters(t, c.name)[10]))
		if ok != (c.entries >= 0) || ok && (n != c.entries || size != 62544) {
			t.Errorf("%+v: prefix of %d entries, %d bytes, %v; want %d", c.bank, n, size, ok, c.entries)
		}
	}
}

func TestQuotedDigestIsFoundWithoutTheRegister(t *testing.T) {
	l := whole(t, ima.Bank{Alg: ima.SHA256}, vmList(t))
	pcrs := vmRegisters(t, "sha256")
	match := func(register []byte) bool {
		h := sha256.New()
		for i := range uint(10) {
			h.Write(pcrs[i])
		}
		h.Write(register)
		h.Write(pcrs[14])
		return hex.EncodeToString(h.Sum(nil)) == vmQuotedDigest
	}
	n, size, ok := l.LongestPrefix(match)
	if !ok || n != 675 || size != 89319 {
		t.Fatalf("prefix of %d entries, %d bytes, %v", n, size, ok)
	}
	// The prefix holds a violation: without 0xff for its digest nothing would match.
	if s := l.At(n); s.Violations != 1 || s.Opaque != 0 || s.Elsewhere != 0 || s.Hidden != 0 || !match(s.Register) {
		t.Errorf("state %+v", s)
	}
	if s := l.At(465); s.Violations != 0 || s.Bytes != 62544 || s.Entries != 465 {
		t.Errorf("state after 465: %+v", s)
	}
	e := l.Entries[671]
	if !e.Violation || e.Digest.Value != nil || !strings.HasSuffix(e.Path, "/system.journal") {
		t.Errorf("entry 672: %+v", e)
	}
}

func TestEntriesOfOurVMAreUnderstood(t *testing.T) {
	l := whole(t, ima.Bank{Alg: ima.SHA256}, vmList(t))
	if len(l.Entries) != 675 || l.Pending != 0 {
		t.Fatalf("%d entries, %d bytes pending", len(l.Entries), l.Pending)
	}
	for i, e := range l.Entries {
		if !e.Understood || e.PCR != ima.PCR || e.Template != "ima-sig" || e.Hidden || !e.Violation && (e.Digest.Alg != "sha256" || e.Digest.Verity) {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if e := l.Entries[1]; e.Path != "/init" || e.Signature != nil || hex.EncodeToString(e.Digest.Value) != "060ff11d8b8a2bbceddcc4a8034b11d1b55ae163e6255cc7e98e8e71c5dbabad" {
		t.Errorf("second entry: %+v", e)
	}
}

func TestBootAggregateIsOfTheBootRegisters(t *testing.T) {
	l := whole(t, ima.Bank{Alg: ima.SHA256}, vmList(t))
	d, err := l.BootAggregate()
	if err != nil {
		t.Fatal(err)
	}
	pcrs := vmRegisters(t, "sha256")
	if err := ima.CheckBootAggregate(d, ima.SHA256, pcrs); err != nil {
		t.Error(err)
	}
	older := sha256.New()
	for i := range uint(8) {
		older.Write(pcrs[i])
	}
	if err := ima.CheckBootAggregate(ima.Digest{Alg: "sha256", Value: older.Sum(nil)}, ima.SHA256, pcrs); err != nil {
		t.Errorf("kernel before 5.8: %v", err)
	}
	if err := ima.CheckBootAggregate(d, ima.SHA384, vmRegisters(t, "sha384")); !errors.Is(err, ima.ErrAggregateBank) {
		t.Errorf("another bank: %v", err)
	}
	for i := range uint(10) {
		other := vmRegisters(t, "sha256")
		other[i] = bytes.Repeat([]byte{1}, 32)
		if err := ima.CheckBootAggregate(d, ima.SHA256, other); !errors.Is(err, ima.ErrAggregate) {
			t.Errorf("register %d changed: %v", i, err)
		}
		delete(other, i)
		if err := ima.CheckBootAggregate(d, ima.SHA256, other); !errors.Is(err, ima.ErrAggregateBank) {
			t.Errorf("register %d missing: %v", i, err)
		}
	}
	if _, err := whole(t, ima.Bank{Alg: ima.SHA256}, vmList(t)[l.Entries[0].End:]).BootAggregate(); !errors.Is(err, ima.ErrNoAggregate) {
		t.Errorf("list without its first entry: %v", err)
	}
	rest, err := l.At(1).Continue(ng("boot_aggregate")) // after a kexec
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rest.BootAggregate(); !errors.Is(err, ima.ErrNoAggregate) {
		t.Errorf("second part: %v", err)
	}
	for name, first := range map[string][]byte{"violation": violation("boot_aggregate"), "other register": rec(11, "ima-ng", fields(dng("x"), "boot_aggregate\x00")),
		"fs-verity": rec(10, "ima-ngv2", fields("verity:"+dng("x"), "boot_aggregate\x00"))} {
		if _, err := whole(t, bank256, first).BootAggregate(); !errors.Is(err, ima.ErrNoAggregate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkReplay675(b *testing.B) {
	part := vmList(b)
	for _, c := range []struct {
		name string
		bank ima.Bank
	}{{"sha256", ima.Bank{Alg: ima.SHA256}}, {"sha384", ima.Bank{Alg: ima.SHA384}}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(part)))
			b.ReportAllocs()
			for b.Loop() {
				whole(b, c.bank, part)
			}
		})
	}
}

func BenchmarkHide675(b *testing.B) {
	part := vmList(b)
	for b.Loop() {
		if _, err := ima.Hide(part, func(ima.Entry) bool { return false }); err != nil {
			b.Fatal(err)
		}
	}
}
