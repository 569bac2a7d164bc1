package collateral_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/verify"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// D1 to D10 are defects of go-tdx-guest at our pin (docs/tdx.md). Each test shows the library's answer beside ours: where
// that changes, the pin has moved and the guard may be thought over.

func TestD1PlatformTCBIsJudged(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	for _, s := range []tdx.Status{tdx.OutOfDate, tdx.Revoked, tdx.ConfigurationNeeded} {
		o := tdx.CollateralOptions{Platform: tdx.Judged{Status: s}}
		if err := w.library(w.collateral(o).Answers(w.td.Platform), at); err != nil {
			t.Errorf("the library refuses %s now: %v", s, err)
		}
		tcb, err := w.judge(o, at)
		if err != nil || tcb.Status != collateral.Status(s) || tcb.Module.Status != collateral.UpToDate {
			t.Errorf("%s: %+v %v", s, tcb, err)
		}
	}
}

// TestD2MembersThatDifferInCaseAreRefused: an OutOfDate platform, and a thief of the wire who adds a member beside the signed one.
func TestD2MembersThatDifferInCaseAreRefused(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	bad := tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.OutOfDate}, QE: tdx.Judged{Status: tdx.OutOfDate}}
	good := w.collateral(tdx.CollateralOptions{})
	answers := w.collateral(bad).Answers(w.td.Platform)
	last := func(body []byte, name, value string) []byte { // behind the signed one, before the signature
		return bytes.Replace(body, []byte(`,"signature":`), []byte(`,"`+name+`":`+value+`,"signature":`), 1)
	}
	answers.TCBInfo().Body = last(answers.TCBInfo().Body, "TCBInfo", good.TCBInfo)
	answers.QEIdentity().Body = last(answers.QEIdentity().Body, "EnclaveIdentity", good.QEIdentity)
	if err := w.library(answers, at); err != nil {
		t.Errorf("the library refuses now: %v", err)
	}
	for _, name := range []string{"TCBInfo", "tcbInfo", "tcbinfo", "other", "tcbınfo"} {
		answers := w.collateral(bad).Answers(w.td.Platform)
		answers.TCBInfo().Body = last(answers.TCBInfo().Body, name, good.TCBInfo)
		if _, err := readDir(t, answers); !errors.Is(err, collateral.ErrMalformed) {
			t.Errorf("TCB info with %q: %v", name, err)
		}
	}
	for _, first := range []bool{true, false} {
		answers := w.collateral(bad).Answers(w.td.Platform)
		answers.QEIdentity().Body = tdx.AddMember(answers.QEIdentity().Body, "EnclaveIdentity", good.QEIdentity, !first)
		if _, err := readDir(t, answers); !errors.Is(err, collateral.ErrMalformed) {
			t.Errorf("QE identity: %v", err)
		}
	}
	// In the form of dcap-qvl.
	file := w.collateral(bad).JSON()
	for _, name := range []string{"TCB_info", "tcb_info", "tcb_info_signature", "extra"} {
		if _, err := collateral.Parse(tdx.AddMember(file, name, `"{}"`, true)); !errors.Is(err, collateral.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestD2SignedDocumentsAreStrictToo: a careless signer, or a member between the signed ones.
func TestD2SignedDocumentsAreStrictToo(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	for name, edit := range map[string]func([]byte) []byte{
		"twice":          replace(`"version":3`, `"version":3,"version":3`),
		"case":           replace(`"version":3`, `"version":3,"Version":3`),
		"case alone":     replace(`"tcbType"`, `"TcbType"`),
		"null":           replace(`"tcbType":0`, `"tcbType":null`),
		"null number":    replace(`"tcbEvaluationDataNumber":17`, `"tcbEvaluationDataNumber":null`),
		"missing":        replace(`"tcbType":0,`, ``),
		"deep":           replace(`"tcbType":0`, `"tcbType":0,"x":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)),
		"other id":       replace(`"id":"TDX"`, `"id":"SGX"`),
		"status unknown": replace(`"tcbStatus":"UpToDate"`, `"tcbStatus":"uptodate"`),
		"fifteen":        replace(`"sgxtcbcomponents":[{"svn":2},`, `"sgxtcbcomponents":[`),
		"no svn":         replace(`"sgxtcbcomponents":[{"svn":2},`, `"sgxtcbcomponents":[{},`),
		"svn of 256":     replace(`"sgxtcbcomponents":[{"svn":2},`, `"sgxtcbcomponents":[{"svn":256},`),
		"fraction":       replace(`"pcesvn":11`, `"pcesvn":11.0`),
		"FMSPC":          replace(`"fmspc":"B0`, `"fmspc":"`),
	} {
		changed := w.collateral(tdx.CollateralOptions{EditTCBInfo: edit})
		if changed.TCBInfo == w.collateral(tdx.CollateralOptions{}).TCBInfo {
			t.Errorf("%s changes nothing", name)
		}
		if _, err := collateral.Parse(changed.JSON()); !errors.Is(err, collateral.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestD6TimesAreJudged: of every part, its beginning too.
func TestD6TimesAreJudged(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	future := tdx.CollateralOptions{Issue: at.Add(24 * time.Hour), Next: at.Add(48 * time.Hour)}
	if err := w.library(w.collateral(future).Answers(w.td.Platform), at); err != nil {
		t.Errorf("the library refuses collateral of tomorrow now: %v", err)
	}
	expired := w.collateral(tdx.CollateralOptions{})
	q, err := abi.QuoteToProto(w.td.Quote([64]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	later := at.AddDate(0, 6, 0)
	if err := verify.TdxQuote(q, &verify.Options{GetCollateral: true, CheckRevocations: true, Getter: expired.Answers(w.td.Platform),
		TrustedRoots: w.auth.Pool(), Now: &verify.TimeSet{PckCertChain: later}}); err != nil {
		t.Errorf("the library refuses expired collateral at times it was not given: %v", err)
	}
	for name, c := range map[string]struct {
		o     tdx.CollateralOptions
		at    time.Time
		stale string
	}{
		"TCB info of tomorrow":    {future, at, "TCB info"},
		"QE identity of tomorrow": {tdx.CollateralOptions{QEIssue: at.Add(time.Hour), QENext: at.Add(48 * time.Hour)}, at, "QE identity"},
		"CRLs of tomorrow":        {tdx.CollateralOptions{CRLIssue: at.Add(time.Hour), CRLNext: at.Add(48 * time.Hour)}, at, "PCK CRL"},
		"TCB info expired":        {tdx.CollateralOptions{Issue: at.Add(-48 * time.Hour), Next: at.Add(-time.Second)}, at, "TCB info"},
		"QE identity expired":     {tdx.CollateralOptions{QEIssue: at.Add(-48 * time.Hour), QENext: at.Add(-time.Second)}, at, "QE identity"},
		"CRLs expired":            {tdx.CollateralOptions{CRLIssue: at.Add(-48 * time.Hour), CRLNext: at.Add(-time.Second)}, at, "PCK CRL"},
		"root CRL expired":        {tdx.CollateralOptions{CRLIssue: at.Add(-48 * time.Hour), CRLNext: at.Add(48 * time.Hour), RootCRLNext: at.Add(-time.Second)}, at, "root CRL"},
		"signer expired":          {tdx.CollateralOptions{}, at.AddDate(21, 0, 0), "TCB info signer"},
		"signer of tomorrow":      {tdx.CollateralOptions{}, at.AddDate(0, 0, -3), "TCB info signer"},
	} {
		tcb, err := w.judge(c.o, c.at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := false
		for _, s := range tcb.Stale {
			found = found || s.What == c.stale
		}
		// The status stands beside: it is what this collateral says.
		if !found || tcb.Status != collateral.UpToDate {
			t.Errorf("%s: %+v", name, tcb)
		}
	}
	c, err := collateral.Parse(expired.JSON())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Check(w.auth.Pool(), time.Time{}); err == nil {
		t.Error("zero time")
	}
}

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

func readDir(t *testing.T, answers tdx.Answers) (collateral.Set, error) {
	t.Helper()
	dir := t.TempDir()
	if err := answers.Write(dir); err != nil {
		t.Fatal(err)
	}
	return collateral.ReadDir(os.DirFS(dir))
}
