package tdx_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-tdx-guest/pcs"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

func TestSameSeedGivesSameBytes(t *testing.T) {
	m := version(5)
	m.Trailing = []byte{0, 0}
	a, b := newWorld(t, m, tdx.PlatformOptions{}), newWorld(t, m, tdx.PlatformOptions{})
	if !bytes.Equal(a.td.Quote([64]byte{7}), b.td.Quote([64]byte{7})) {
		t.Error("two quotes of the same TD over the same report data differ")
	}
	ca, _ := a.td.Collateral(tdx.CollateralOptions{})
	cb, _ := b.td.Collateral(tdx.CollateralOptions{})
	if !bytes.Equal(ca.JSON(), cb.JSON()) {
		t.Error("two collaterals differ")
	}
	other, err := a.authority.Platform(tdx.PlatformOptions{Seed: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if other.Options().PPID == a.td.Platform.Options().PPID || other.PCK().SerialNumber.Cmp(a.td.Platform.PCK().SerialNumber) == 0 {
		t.Error("two platforms share PPID or serial number")
	}
}

func TestPCKSaysWhatThePlatformIs(t *testing.T) {
	o := tdx.PlatformOptions{FMSPC: [6]byte{1, 2, 3, 4, 5, 6}, PCEID: [2]byte{7, 8}, PPID: [16]byte{9}, CPUSVN: [16]byte{255, 1, 2}, PCESVN: 0x8001}
	w := newWorld(t, tdx.Defaults(), o)
	e, err := pcs.PckCertificateExtensions(w.td.Platform.PCK())
	if err != nil {
		t.Fatal(err)
	}
	if e.FMSPC != "010203040506" || e.PCEID != "0708" || !strings.HasPrefix(e.PPID, "0900") || e.TCB.PCESvn != 0x8001 ||
		!bytes.Equal(e.TCB.CPUSvnComponents, o.CPUSVN[:]) || !bytes.Equal(e.TCB.CPUSvn, o.CPUSVN[:]) {
		t.Errorf("%+v", e)
	}
}

func TestExtendAndTrailing(t *testing.T) {
	m := tdx.Defaults()
	m.Trailing = bytes.Repeat([]byte{0}, 70)
	w := newWorld(t, m, tdx.PlatformOptions{})
	before := w.td.Quote([64]byte{})
	w.td.Extend(3, tdx.Measure("event"))
	after := w.td.Quote([64]byte{})
	if len(before) != len(after) || bytes.Equal(before[48+472:48+520], after[48+472:48+520]) || !bytes.HasSuffix(after, m.Trailing) {
		t.Error("RTMR3 of the quote did not move, or the tail is gone")
	}
}

// TestCollateralHasTheShapeOfRealOnes compares member names, at every depth, with collateral that a real service gave.
func TestCollateralHasTheShapeOfRealOnes(t *testing.T) {
	dir := os.Getenv("HALLMARK_VECTORS")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "tdx/phala-tdx_quote.collateral.json"))
	if err != nil {
		t.Skipf("no captured collateral here (HALLMARK_VECTORS): %v", err)
	}
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	c, err := w.td.Collateral(tdx.CollateralOptions{Platform: tdx.Judged{Status: tdx.OutOfDate, Advisories: []string{"INTEL-SA-00837"}}})
	if err != nil {
		t.Fatal(err)
	}
	var theirs, ours map[string]any
	for b, v := range map[string]*map[string]any{string(raw): &theirs, string(c.JSON()): &ours} {
		if err := json.Unmarshal([]byte(b), v); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(ours)); !slices.Equal(a, b) {
		t.Errorf("members %v, theirs %v", b, a)
	}
	for _, k := range []string{"tcb_info", "qe_identity"} {
		a, b := names(t, theirs[k]), names(t, ours[k])
		delete(a, ".tcbLevels.tcb.sgxtcbcomponents.category") // words for people, left out
		delete(a, ".tcbLevels.tcb.sgxtcbcomponents.type")
		delete(a, ".tcbLevels.tcb.tdxtcbcomponents.category")
		delete(a, ".tcbLevels.tcb.tdxtcbcomponents.type")
		if !maps.Equal(a, b) {
			t.Errorf("%s: members %v, theirs %v", k, slices.Sorted(maps.Keys(b)), slices.Sorted(maps.Keys(a)))
		}
	}
}

func names(t *testing.T, text any) map[string]bool {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text.(string)), &v); err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	var walk func(string, any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, m := range v {
				out[at+"."+k] = true
				walk(at+"."+k, m)
			}
		case []any:
			for _, m := range v {
				walk(at, m)
			}
		}
	}
	walk("", v)
	return out
}

func TestAnswersAreWrittenAsFiles(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	dir := t.TempDir()
	if err := w.answers(t, tdx.CollateralOptions{}).Write(dir); err != nil {
		t.Fatal(err)
	}
	got, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = filepath.Base(got[i])
	}
	want := []string{"pck-crl.chain.pem", "pck-crl.der", "qe-identity.chain.pem", "qe-identity.json", "root-crl.der", "tcb.chain.pem", "tcb.json"}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
