package collateral_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

func TestHonestPlatformIsUpToDate(t *testing.T) {
	for name, m := range map[string]tdx.Measurements{"1.5": tdx.Defaults(), "1.0": tdx10(), "version 5": version5()} {
		tcb, err := newWorld(t, m, tdx.PlatformOptions{}).judge(tdx.CollateralOptions{RevokeOthers: 5}, at)
		if err != nil {
			t.Fatal(name, err)
		}
		if tcb.Status != collateral.UpToDate || len(tcb.Lacking)+len(tcb.Stale)+len(tcb.Advisories) > 0 || tcb.EvaluationNumber != 17 || tcb.Why != "" {
			t.Errorf("%s: %+v", name, tcb)
		}
	}
}

// want is Intel's rule written as a table, apart from the code: rows platform, columns module or QE.
var want = map[collateral.Status]map[collateral.Status]collateral.Status{
	"UpToDate":                          {"UpToDate": "UpToDate", "OutOfDate": "OutOfDate", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"SWHardeningNeeded":                 {"UpToDate": "SWHardeningNeeded", "OutOfDate": "OutOfDate", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"ConfigurationNeeded":               {"UpToDate": "ConfigurationNeeded", "OutOfDate": "OutOfDateConfigurationNeeded", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"ConfigurationAndSWHardeningNeeded": {"UpToDate": "ConfigurationAndSWHardeningNeeded", "OutOfDate": "OutOfDateConfigurationNeeded", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"OutOfDate":                         {"UpToDate": "OutOfDate", "OutOfDate": "OutOfDate", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"OutOfDateConfigurationNeeded":      {"UpToDate": "OutOfDateConfigurationNeeded", "OutOfDate": "OutOfDateConfigurationNeeded", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
	"Revoked":                           {"UpToDate": "Revoked", "OutOfDate": "Revoked", "Revoked": "Revoked", "no level": "Revoked"},
	"no level":                          {"UpToDate": "TcbUnrecognized", "OutOfDate": "TcbUnrecognized", "Revoked": "Revoked", "no level": "TcbUnrecognized"},
}

var three = []tdx.Status{tdx.UpToDate, tdx.OutOfDate, tdx.Revoked, tdx.NoLevel}

// TestConvergence goes through every platform, module and QE status, and asks the library the same.
func TestConvergence(t *testing.T) {
	for name, m := range map[string]tdx.Measurements{"1.5": tdx.Defaults(), "1.0": tdx10()} {
		w := newWorld(t, m, tdx.PlatformOptions{})
		for _, p := range tdx.Statuses() {
			for _, mod := range three {
				for _, qe := range three {
					o := tdx.CollateralOptions{Platform: tdx.Judged{Status: p}, Module: tdx.Judged{Status: mod}, QE: tdx.Judged{Status: qe}}
					tcb, err := w.judge(o, at)
					if err != nil {
						t.Fatal(err)
					}
					step := collateral.Status(p)
					if name == "1.5" {
						step = want[step][collateral.Status(mod)]
					}
					if step == "TcbUnrecognized" {
						step = "no level"
					}
					expect := want[step][collateral.Status(qe)]
					label := fmt.Sprint(name, " platform ", p, ", module ", mod, ", QE ", qe)
					if tcb.Status != expect {
						t.Errorf("%s: %s, Intel's rule says %s", label, tcb.Status, expect)
					}
					agree(t, label, w, o, tcb, name == "1.5")
				}
			}
		}
	}
}

// agree: the library accepts exactly what is up to date, but for D1, by which it does not look at the platform on TDX 1.5.
func agree(t *testing.T, label string, w *world, o tdx.CollateralOptions, tcb *collateral.TCB, tdx15 bool) {
	t.Helper()
	accepts := w.library(w.collateral(o).Answers(w.td.Platform), at) == nil
	if tdx15 && tcb.Module.Status == collateral.UpToDate && tcb.QE.Status == collateral.UpToDate && tcb.Platform.Status != collateral.Unrecognized {
		if !accepts {
			t.Errorf("%s: the library refuses: D1 is mended at this pin?", label)
		}
		return
	}
	if accepts != (tcb.Status == collateral.UpToDate) {
		t.Errorf("%s: %s here, library accepts: %v", label, tcb.Status, accepts)
	}
}

func TestDatesAdvisoriesAndLackingComponents(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2024, 1, d, 0, 0, 0, 0, time.UTC) }
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	tcb, err := w.judge(tdx.CollateralOptions{
		Platform: tdx.Judged{Status: tdx.OutOfDate, Date: day(3), Advisories: []string{"INTEL-SA-2", "INTEL-SA-1"}},
		Module:   tdx.Judged{Status: tdx.OutOfDate, Date: day(2), Advisories: []string{"INTEL-SA-2", "INTEL-SA-3"}},
		QE:       tdx.Judged{Status: tdx.OutOfDate, Date: day(4)},
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	if !tcb.MinDate.Equal(day(2)) || !tcb.Platform.Date.Equal(day(3)) || !tcb.QE.Date.Equal(day(4)) {
		t.Error(tcb.MinDate, tcb.Platform.Date, tcb.QE.Date)
	}
	if !slices.Equal(tcb.Advisories, []string{"INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"}) {
		t.Error(tcb.Advisories)
	}
	lack := []collateral.Lack{{What: "CPUSVN 7", Have: 5, Want: 6}, {What: "TDX_01 ISVSVN", Have: 5, Want: 6}, {What: "QE ISVSVN", Have: 4, Want: 5}}
	for i := range tcb.Lacking {
		tcb.Lacking[i].Type = ""
	}
	if !slices.Equal(tcb.Lacking, lack) {
		t.Errorf("%+v", tcb.Lacking)
	}
}

func TestRevokedCertificates(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	for name, o := range map[string]tdx.CollateralOptions{"PCK": {RevokePCK: true}, "CA": {RevokeCA: true}} {
		tcb, err := w.judge(o, at)
		if err != nil || tcb.Status != collateral.Revoked || tcb.Why == "" {
			t.Errorf("%s: %+v %v", name, tcb, err)
		}
	}
	if _, err := w.judge(tdx.CollateralOptions{RevokeTCBSigner: true}, at); !errors.Is(err, collateral.ErrRevoked) {
		t.Error(err)
	}
}

// TestForeignEnclaveOrModule: the certified key of a genuine machine may vouch for an enclave that is not Intel's.
func TestForeignEnclaveOrModule(t *testing.T) {
	signer, seam := tdx.Defaults(), tdx.Defaults()
	signer.MRSignerSeam[0], seam.SeamAttributes[0] = 1, 1
	for name, w := range map[string]*world{
		"QE in debug mode": newWorld(t, tdx.Defaults(), tdx.PlatformOptions{QEDebug: true}),
		"module's signer":  newWorld(t, signer, tdx.PlatformOptions{}),
		"SEAM attributes":  newWorld(t, seam, tdx.PlatformOptions{}),
	} {
		for _, revoked := range []bool{false, true} {
			tcb, err := w.judge(tdx.CollateralOptions{RevokePCK: revoked}, at)
			if err != nil || tcb.Status != collateral.Foreign || tcb.Why == "" {
				t.Errorf("%s: %+v %v", name, tcb, err)
			}
		}
	}
	for name, edit := range map[string]tdx.CollateralOptions{
		"MRSIGNER":   {EditQEIdentity: replace("DC9E2A7C", "DC9E2A7D")},
		"ISVPRODID":  {EditQEIdentity: replace(`"isvprodid":2`, `"isvprodid":3`)},
		"MISCSELECT": {EditQEIdentity: replace(`"miscselect":"00`, `"miscselect":"01`)},
		"ATTRIBUTES": {EditQEIdentity: replace(`"attributes":"11`, `"attributes":"13`)},
	} {
		tcb, err := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{}).judge(edit, at)
		if err != nil || tcb.Status != collateral.Foreign {
			t.Errorf("%s: %+v %v", name, tcb, err)
		}
	}
}

func TestModuleWithoutIdentityIsUnrecognized(t *testing.T) {
	tcb, err := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{}).judge(tdx.CollateralOptions{ModuleID: "TDX_44"}, at)
	if err != nil || tcb.Status != collateral.Unrecognized || tcb.Lacking[0].What != "TDX_01 (no identity)" {
		t.Errorf("%+v %v", tcb, err)
	}
}

func TestCollateralOfAnotherPlatformIsRefused(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	for name, o := range map[string]tdx.CollateralOptions{"FMSPC": {FMSPC: &[6]byte{1}}, "PCEID": {PCEID: &[2]byte{1}}} {
		if _, err := w.judge(o, at); !errors.Is(err, collateral.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The CRL of the other CA names no platform of this one.
	other := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{Processor: true})
	c, err := collateral.Parse(other.collateral(tdx.CollateralOptions{}).JSON())
	if err != nil {
		t.Fatal(err)
	}
	checked, err := c.Check(w.auth.Pool(), at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checked.Appraise(w.quote()); !errors.Is(err, collateral.ErrForeign) {
		t.Error(err)
	}
}

// TestQuoteIsJudgedByItsOwnPlatformAlone: not by that of another quote, however alike.
func TestQuoteIsJudgedByItsOwnPlatformAlone(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	c, err := collateral.Parse(w.collateral(tdx.CollateralOptions{}).JSON())
	if err != nil {
		t.Fatal(err)
	}
	checked, err := c.Check(w.auth.Pool(), at)
	if err != nil {
		t.Fatal(err)
	}
	q, p := w.quote()
	_, other := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{}).quote()
	if _, err := checked.Appraise(q, p); err != nil {
		t.Error(err)
	}
	if tcb, err := checked.Appraise(q, other); err == nil {
		t.Errorf("%+v", tcb)
	}
}

// TestModuleNumbersAreNotThePlatforms: on TDX 1.5 the first two components of TEE_TCB_SVN belong to the module's identity, on 1.0 to the platform's level.
func TestModuleNumbersAreNotThePlatforms(t *testing.T) {
	high := func(b []byte) []byte {
		i := bytes.Index(b, []byte(`"tdxtcbcomponents":[{"svn":`)) + len(`"tdxtcbcomponents":[{"svn":`)
		return append(append(bytes.Clone(b[:i]), '9'), b[i+1:]...)
	}
	for status, m := range map[collateral.Status]tdx.Measurements{collateral.UpToDate: tdx.Defaults(), collateral.Unrecognized: tdx10()} {
		tcb, err := newWorld(t, m, tdx.PlatformOptions{}).judge(tdx.CollateralOptions{EditTCBInfo: high}, at)
		if err != nil || tcb.Status != status {
			t.Errorf("%s: %+v %v", status, tcb, err)
		}
	}
}

// TestEveryNumberOfALevelCounts: ask one more of each, and it is that one which lacks.
func TestEveryNumberOfALevelCounts(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	more := func(change func(tcb map[string]any)) func([]byte) []byte {
		return func(b []byte) []byte {
			var v map[string]any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			change(v["tcbLevels"].([]any)[0].(map[string]any)["tcb"].(map[string]any))
			out, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	changes := map[string]func(map[string]any){"PCESVN": func(tcb map[string]any) { tcb["pcesvn"] = 12 }}
	for i := range 16 {
		at := func(list string) func(map[string]any) {
			return func(tcb map[string]any) {
				c := tcb[list].([]any)[i].(map[string]any)
				c["svn"] = c["svn"].(float64) + 1
			}
		}
		changes[fmt.Sprint("CPUSVN ", i)] = at("sgxtcbcomponents")
		if i >= 2 {
			changes[fmt.Sprint("TEE_TCB_SVN ", i)] = at("tdxtcbcomponents")
		}
	}
	for what, change := range changes {
		tcb, err := w.judge(tdx.CollateralOptions{EditTCBInfo: more(change)}, at)
		if err != nil || tcb.Status != collateral.Unrecognized || len(tcb.Lacking) != 1 || tcb.Lacking[0].What != what || tcb.Lacking[0].Want != tcb.Lacking[0].Have+1 {
			t.Errorf("%s: %+v %v", what, tcb, err)
		}
	}
}

func TestRelaunchAdvised(t *testing.T) {
	m := version5()
	m.TeeTCBSVN2[0]++
	w := newWorld(t, m, tdx.PlatformOptions{})
	tcb, err := w.judge(tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.OutOfDate}}, at)
	if err != nil || tcb.Status != collateral.OutOfDate || !tcb.RelaunchAdvised {
		t.Errorf("%+v %v", tcb, err)
	}
	if tcb, err = w.judge(tdx.CollateralOptions{}, at); err != nil || tcb.RelaunchAdvised {
		t.Errorf("%+v %v", tcb, err)
	}
}

// TestD10ProcessorCAIsNotABadSignature: the library says so; we say that we do not know.
func TestD10ProcessorCAIsNotABadSignature(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{Processor: true})
	q, err := quote.Parse(w.td.Quote([64]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.CheckSignature(w.auth.Pool(), at); !errors.Is(err, quote.ErrUnsupported) || errors.Is(err, quote.ErrSignature) {
		t.Error(err)
	}
}
