package verify

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/ima"
	"github.com/hallmark-attest/hallmark/attest/tpm"
)

// aggregateOf is a first record over the registers of a boot.
func aggregateOf(f *forge) []byte {
	m := map[uint][]byte{}
	for i := range uint(16) {
		m[i] = nil
	}
	f.pcrs(m)
	h := sha256.New()
	for i := range uint(10) {
		h.Write(m[i])
	}
	return imaNG(ima.BootAggregateName, "sha256", h.Sum(nil))
}

// kernel is a node whose kernel measured its aggregate and these records.
func kernel(t testing.TB, records ...[]byte) *forge {
	f := vm(t, "secure-boot")
	return f.measured(append([][]byte{aggregateOf(f)}, records...)...)
}

// knownFiles references what imaFile measures under these paths.
func knownFiles(f *forge, paths ...string) *References {
	r := attest.Reference{}
	for _, p := range paths {
		r.Measured = append(r.Measured, attest.MeasuredFile{Digest: sha256.Sum256([]byte(p)), Name: p})
	}
	return f.references(r)
}

func TestListIsReadAsFarAsTheQuoteCoversIt(t *testing.T) {
	f := vm(t, "secure-boot")
	r := f.result(nil, nil, TierVerified)
	wants(t, r, "+ima.prefix", "-ima.no_match", "-ima.not_evaluable", "-ima.violations", "-ima.hidden", "-ima.aggregate", "-ima.referenced", "-ima.unreferenced")
	values := map[uint][]byte{10: nil}
	f.pcrs(values)
	for _, part := range []string{"528 entries", hex.EncodeToString(values[10]), "104 bytes behind"} {
		if s := seenOf(r, "ima.prefix"); !strings.Contains(s, part) {
			t.Errorf("%q lacks %q", s, part)
		}
	}
	want := readTestdata(t, "../testdata/vm/secure-boot/ima.bin")[:72880]
	if !bytes.Equal(r.Logs[attest.LogIMA], want) {
		t.Errorf("keeps %d bytes, want the %d that are covered", len(r.Logs[attest.LogIMA]), len(want))
	}
	// What follows the prefix is shown by nothing, and judged by nobody.
	f.sends(attest.LogIMA, 0, slices.Concat(want, imaViolation("/x"), imaFile("/y")), false)
	wants(t, f.result(nil, nil, TierVerified), "+ima.prefix", "-ima.violations")
	// Noise behind the prefix ends the reading and takes nothing back.
	f.sends(attest.LogIMA, 0, slices.Concat(want, bytes.Repeat([]byte{0xff}, 64)), false)
	wants(t, f.result(nil, nil, TierVerified), "+ima.prefix")
}

func TestListThatWasChangedDoesNotMatch(t *testing.T) {
	for name, c := range map[string]struct {
		change func([][]byte) [][]byte
		more   bool
		want   string
		seen   string
	}{
		"cut before the quoted place":              {func(l [][]byte) [][]byte { return l[:400] }, false, "!ima.no_match", "none in"},
		"cut, and the node says it goes on":        {func(l [][]byte) [][]byte { return l[:400] }, true, "?ima.not_evaluable", "ask on from there"},
		"an entry changed":                         {func(l [][]byte) [][]byte { l[300] = imaFile("/x"); return l }, false, "!ima.no_match", "none in"},
		"an entry left out":                        {func(l [][]byte) [][]byte { return slices.Delete(l, 300, 301) }, false, "!ima.no_match", "none in"},
		"two entries exchanged":                    {func(l [][]byte) [][]byte { l[300], l[301] = l[301], l[300]; return l }, false, "!ima.no_match", "none in"},
		"an entry more":                            {func(l [][]byte) [][]byte { return slices.Insert(l, 300, imaFile("/x")) }, false, "!ima.no_match", "none in"},
		"nothing":                                  {func([][]byte) [][]byte { return nil }, false, "!ima.no_match", "none in 0 bytes"},
		"data that its hash is not of":             {func(l [][]byte) [][]byte { l[300] = flipped(l[300]); return l }, false, "?ima.not_evaluable", "entry 300"},
		"noise":                                    {func([][]byte) [][]byte { return [][]byte{bytes.Repeat([]byte{0xff}, 64)} }, false, "?ima.not_evaluable", "not a measurement list"},
		"noise, and the node says that it goes on": {func([][]byte) [][]byte { return [][]byte{bytes.Repeat([]byte{0xff}, 64)} }, true, "?ima.not_evaluable", "not a measurement list"},
	} {
		f := vm(t, "secure-boot")
		f.sends(attest.LogIMA, 0, slices.Concat(c.change(f.list())...), c.more)
		r := f.result(nil, nil, TierVerified)
		if wants(t, r, c.want, "-ima.prefix"); !strings.Contains(seenOf(r, c.want[1:]), c.seen) {
			t.Errorf("%s: %q", name, seenOf(r, c.want[1:]))
		}
		if !r.Accepted || len(ids(r, Contraindicated)) > 0 {
			t.Errorf("%s: the list alone decides: %+v", name, r.Unmet)
		}
		if kept := len(r.Logs[attest.LogIMA]); (kept > 0) != (name == "cut, and the node says it goes on") {
			t.Errorf("%s: keeps %d bytes", name, kept)
		}
	}
	f := vm(t, "secure-boot")
	delete(f.logs, attest.LogIMA)
	wants(t, f.result(nil, nil, TierVerified), "?ima.not_evaluable", "-ima.prefix", "-ima.no_match")
}

func flipped(record []byte) []byte {
	out := bytes.Clone(record)
	out[len(out)-2] ^= 1
	return out
}

func TestKernelThatMeasuresNothingHasNoList(t *testing.T) {
	f := vm(t, "secure-boot").holds(func(m map[uint][]byte) { m[10] = make([]byte, 32) })
	r := f.result(f.references(attest.Reference{Measured: []attest.MeasuredFile{{Digest: digest(1)}}}), nil, TierEnterpriseMeasured)
	wants(t, r, "?ima.not_evaluable", "-ima.prefix", "-ima.no_match", "-ima.referenced", "!measured.ima_list", "!measured.ima_entries", "!measured.ima_violations")
	if !strings.Contains(seenOf(r, "ima.not_evaluable"), "start value") {
		t.Errorf("%q", seenOf(r, "ima.not_evaluable"))
	}
}

func TestViolationsAreCountedOnce(t *testing.T) {
	f := kernel(t, imaFile("/a"), imaViolation("/b"), imaViolation("/c"))
	r := f.result(knownFiles(f, "/a"), nil, TierVerified)
	if wants(t, r, "!ima.violations", "+ima.referenced", "-ima.unreferenced"); seenOf(r, "ima.violations") != "2" {
		t.Errorf("%q", seenOf(r, "ima.violations"))
	}
	f = kernel(t, imaFile("/a"))
	wants(t, f.result(nil, nil, TierVerified), "-ima.violations")
}

func TestHiddenEntriesAreSaidAndAreNoReference(t *testing.T) {
	f := kernel(t, imaFile("/a"), imaFile("/b"))
	list, err := ima.Hide(f.logs[attest.LogIMA].Bytes, func(e ima.Entry) bool { return e.Path == "/a" })
	if err != nil {
		t.Fatal(err)
	}
	f.sends(attest.LogIMA, 0, list, false)
	r := f.result(knownFiles(f, "/a", "/b"), nil, TierVerified)
	if wants(t, r, "+ima.prefix", "?ima.hidden", "!ima.unreferenced", "-ima.referenced"); !strings.Contains(seenOf(r, "ima.hidden"), "1 of 3") {
		t.Errorf("%q", seenOf(r, "ima.hidden"))
	}
}

func TestAggregateOfAnotherBootIsSaid(t *testing.T) {
	other := vm(t, "secure-boot-off")
	for name, c := range map[string]struct {
		first []byte
		want  string
	}{
		"this boot":      {aggregateOf(vm(t, "secure-boot")), "-ima.aggregate"},
		"another boot":   {aggregateOf(other), "!ima.aggregate"},
		"another bank's": {imaNG(ima.BootAggregateName, "sha1", bytes.Repeat([]byte{1}, 20)), "-ima.aggregate"},
		"no aggregate":   {imaFile("/a"), "!ima.aggregate"},
		"a violation":    {imaViolation(ima.BootAggregateName), "!ima.aggregate"},
	} {
		f := vm(t, "secure-boot").measured(c.first, imaFile("/b"))
		r := f.result(nil, nil, TierVerified)
		if wants(t, r, "+ima.prefix", c.want); t.Failed() {
			t.Fatal(name)
		}
	}
	// An invented entry of another register before the first hides nothing.
	f := vm(t, "secure-boot").measured(aggregateOf(other), imaFile("/b"))
	b := f.logs[attest.LogIMA].Bytes
	elsewhere := imaFile("/x")
	elsewhere[0] = 11
	f.sends(attest.LogIMA, 0, append(elsewhere, b...), false)
	wants(t, f.result(nil, nil, TierVerified), "+ima.prefix", "!ima.aggregate")
}

func TestEveryFileMustBeReferenced(t *testing.T) {
	f := kernel(t, imaFile("/a"), imaFile("/b"), imaFile("/a"))
	wants(t, f.result(nil, nil, TierVerified), "-ima.referenced", "-ima.unreferenced")
	r := f.result(knownFiles(f, "/a", "/b"), nil, TierVerified)
	if wants(t, r, "+ima.referenced", "-ima.unreferenced"); seenOf(r, "ima.referenced") != "all 3 entries" {
		t.Errorf("%q", seenOf(r, "ima.referenced"))
	}
	r = f.result(knownFiles(f, "/a"), nil, TierVerified)
	if wants(t, r, "!ima.unreferenced", "-ima.referenced"); seenOf(r, "ima.unreferenced") != `1 of 3 are not: ["/b"]` {
		t.Errorf("%q", seenOf(r, "ima.unreferenced"))
	}
	if !r.Accepted {
		t.Error("an unknown file is not guilty")
	}
}

// What says nothing of a content, or says it too weakly, is never known, whatever stands in the references.
func TestWeakOrEmptyDigestsAreNeverReferenced(t *testing.T) {
	sum := sha1.Sum([]byte("/a"))
	d := sha256.Sum256([]byte("/a"))
	padded := append(bytes.Clone(sum[:]), make([]byte, 12)...)
	foreign := rawRecord(sum[:], "my-template", fields("sha256:\x00"+string(d[:]), "/a\x00"))
	h := sha1.Sum(foreign[28+len("my-template")+4:])
	copy(foreign[4:], h[:])
	for name, c := range map[string]struct {
		record []byte
		names  string
	}{
		"SHA-1":                        {imaNG("/a", "sha1", sum[:]), "/a"},
		"SHA-1, padded":                {imaNG("/a", "sha1", padded), "template"},
		"SHA-512":                      {imaNG("/a", "sha512", slices.Concat(d[:], d[:])), "/a"},
		"zeros: nobody could read it":  {imaNG("/a", "sha256", make([]byte, 32)), "/a"},
		"a template that nobody knows": {foreign, "template my-template"},
	} {
		f := vm(t, "secure-boot")
		f.measured(aggregateOf(f), c.record)
		known := f.references(attest.Reference{Measured: []attest.MeasuredFile{{Digest: d}, {Digest: attest.Digest(padded)}, {Digest: attest.Digest{}}}})
		r := f.result(known, nil, TierVerified)
		if name == "SHA-1, padded" { // malformed lists match nothing, or are not understood
			wants(t, r, "-ima.referenced")
			continue
		}
		if wants(t, r, "!ima.unreferenced", "-ima.referenced"); !strings.Contains(seenOf(r, "ima.unreferenced"), c.names) {
			t.Errorf("%s: %q", name, seenOf(r, "ima.unreferenced"))
		}
	}
}

// The kernel shortens paths that are too long to their last part: a program may be called boot_aggregate.
func TestNameAloneMakesNoAggregate(t *testing.T) {
	f := kernel(t, imaFile("/a"))
	evil := imaNG(ima.BootAggregateName, "sha256", bytes.Repeat([]byte{6}, 32))
	f.measured(aggregateOf(f), imaFile("/a"), evil)
	r := f.result(knownFiles(f, "/a"), nil, TierVerified)
	if wants(t, r, "!ima.unreferenced"); !strings.Contains(seenOf(r, "ima.unreferenced"), ima.BootAggregateName) {
		t.Errorf("%q", seenOf(r, "ima.unreferenced"))
	}
	// After a kexec the kernel measures the same registers once more.
	f.measured(aggregateOf(f), imaFile("/a"), aggregateOf(f))
	wants(t, f.result(knownFiles(f, "/a"), nil, TierVerified), "+ima.referenced")
}

// IMA extends register 10 while the node reads and quotes.
func TestRegister10IsMendedByTheList(t *testing.T) {
	l := vm(t, "secure-boot").list()
	is := replay10(l)
	for name, value := range map[string][]byte{"one entry too old": replay10(l[:len(l)-1]), "one too new": replay10(append(l[:len(l):len(l)], imaFile("/x"))), "of nowhere": digest32(5), "zero": make([]byte, 32)} {
		f := vm(t, "secure-boot")
		f.quote = func(q *tpm.Quote) { q.PCRs[10] = value }
		ap := appraisedBy(t, f)
		if got := ap.auth.quote.PCRs[10]; !bytes.Equal(got, is) {
			t.Errorf("%s: %x counts as quoted, want %x", name, got, is)
		}
		r := f.result(nil, nil, TierVerified)
		if wants(t, r, "+tpm.quote.ok", "+ima.prefix", "-ima.no_match"); !r.Accepted || !strings.Contains(seenOf(r, "ima.prefix"), hex.EncodeToString(is)) {
			t.Errorf("%s: %q", name, seenOf(r, "ima.prefix"))
		}
	}
	for name, change := range map[string]func(*forge){
		"the list is not there": func(f *forge) { delete(f.logs, attest.LogIMA) },
		"the list is cut":       func(f *forge) { f.sends(attest.LogIMA, 0, slices.Concat(l[:400]...), false) },
		"the list is changed": func(f *forge) {
			f.sends(attest.LogIMA, 0, slices.Concat(slices.Insert(f.list(), 5, imaFile("/x"))...), false)
		},
	} {
		f := vm(t, "secure-boot")
		f.quote = func(q *tpm.Quote) { q.PCRs[10] = replay10(l[:9]) }
		change(f)
		wants(t, f.result(nil, nil, TierVerified), "x tpm.quote.pcr_digest", "-ima.prefix")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func digest32(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func TestNoOtherRegisterIsMended(t *testing.T) {
	l := vm(t, "secure-boot").list()
	for i := range uint(16) {
		if i == 10 {
			continue
		}
		f := vm(t, "secure-boot")
		f.quote = func(q *tpm.Quote) { q.PCRs[i] = replay10(l) }
		wants(t, f.result(nil, nil, TierVerified), "x tpm.quote.pcr_digest")
		f.quote = func(q *tpm.Quote) { q.PCRs[i], q.PCRs[10] = digest32(1), replay10(l[:500]) }
		wants(t, f.result(nil, nil, TierVerified), "x tpm.quote.pcr_digest")
	}
	f := vm(t, "secure-boot")
	f.pcrSelection = slices.DeleteFunc(f.pcrSelection, func(i uint) bool { return i == 10 })
	f.quote = func(q *tpm.Quote) { q.PCRs[7] = digest32(1) }
	if r := f.result(nil, nil, TierVerified); r.Accepted || len(ids(r, Contraindicated)) == 0 {
		t.Error("register 10 is not quoted, and mended")
	}
}

// A list over one part's entries is read whole.
func TestLongListIsReadInStretches(t *testing.T) {
	if testing.Short() {
		t.Skip("a list of 14 MiB")
	}
	one := imaFile("/a")
	b := bytes.Repeat(one, ima.MaxEntries+5)
	lists, err := readList(b, ima.Bank{Alg: ima.SHA256})
	if err != nil || len(lists) != 2 || lists[1].At(len(lists[1].Entries)).Bytes != uint64(len(b)) {
		t.Fatalf("%d lists, %v", len(lists), err)
	}
	at := len(lists[1].Entries) - 2
	want := lists[1].At(at).Register
	m := readIMA(nodeLog{bytes: b}, ima.SHA256, func(r []byte) bool { return bytes.Equal(r, want) })
	if !m.replays || m.state.Entries != ima.MaxEntries+3 || len(m.entries) != ima.MaxEntries+3 {
		t.Errorf("%v: %d entries, %d", m.replays, m.state.Entries, len(m.entries))
	}
	early := lists[0].At(7).Register
	if m = readIMA(nodeLog{bytes: b}, ima.SHA256, func(r []byte) bool { return bytes.Equal(r, early) }); m.state.Entries != 7 || len(m.entries) != 7 {
		t.Errorf("%d entries, %d", m.state.Entries, len(m.entries))
	}
}

// Kernels that cannot hash for a SHA-384 bank pad SHA-1 into it, which binds nothing that an attacker chooses.
func TestPaddedBankReplaysAndClosesNoWorld(t *testing.T) {
	b := slices.Concat(imaFile("/a"), imaFile("/b"))
	for padded := range map[bool]bool{true: true, false: true} {
		list, err := ima.NewReplay(ima.Bank{Alg: ima.SHA384, Padded: padded}).Continue(b)
		if err != nil {
			t.Fatal(err)
		}
		want := list.At(2).Register
		m := readIMA(nodeLog{bytes: b}, ima.SHA384, func(r []byte) bool { return bytes.Equal(r, want) })
		if !m.replays || m.state.Bank.Padded != padded {
			t.Fatalf("padded %v: %+v", padded, m)
		}
		for _, c := range conditions {
			if c.id != "measured.ima_list" {
				continue
			}
			if ok, seen := c.holds(&Appraised{measurements: m}, &References{}); ok == padded {
				t.Errorf("padded %v: %v, %s", padded, ok, seen)
			}
		}
	}
}

func TestNewestIMAPolicyIsTheShippedOne(t *testing.T) {
	sum := sha256.Sum256(readTestdata(t, "../packaging/ima/hallmark.policy"))
	if got := imaPolicies[len(imaPolicies)-1]; got != hex.EncodeToString(sum[:]) {
		t.Errorf("imaPolicies ends with %s, packaging/ima/hallmark.policy is %x: append it", got, sum)
	}
	if !knownIMAPolicy(sum) || knownIMAPolicy(attest.Digest{}) {
		t.Error("the shipped policy is unknown, or none is known")
	}
	if knownIMAPolicy(digestIn(t, vm(t, "secure-boot").logs[attest.LogIMA].Bytes, imaPolicyPath)) {
		t.Error("the policy of testdata/vm was a draft: only references may know it")
	}
}
