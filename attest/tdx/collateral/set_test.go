package collateral_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// TestLatestRevocationsCount: whatever file they came in, and whatever it is called.
func TestLatestRevocationsCount(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	day := func(n int) time.Time { return at.AddDate(0, 0, n) }
	older := tdx.CollateralOptions{Issue: day(-2), Next: day(28), CRLIssue: day(-20), CRLNext: day(10)}
	revoking := func(o tdx.CollateralOptions, crl int) tdx.CollateralOptions {
		o.CRLIssue, o.RevokePCK = day(crl), true
		return o
	}
	old := older
	old.Issue = day(-9)
	rootRevoking := older
	rootRevoking.CRLIssue, rootRevoking.RevokeCA = day(-3), true
	whole := func(o tdx.CollateralOptions) *fstest.MapFile { return &fstest.MapFile{Data: w.collateral(o).JSON()} }
	singles := func(a, b string) fstest.MapFS {
		m := fstest.MapFS{}
		for name, o := range map[string]tdx.CollateralOptions{a: older, b: revoking(older, -3)} {
			for _, answer := range w.collateral(o).Answers(w.td.Platform) {
				switch answer.File {
				case "pck-crl.der":
					m[name+".der"], m[name+".chain.pem"] = &fstest.MapFile{Data: answer.Body}, &fstest.MapFile{Data: []byte(answer.Chain)}
				case "root-crl.der":
					m[answer.File] = &fstest.MapFile{Data: answer.Body}
				case "tcb.json":
					m[answer.File], m["tcb.chain.pem"] = &fstest.MapFile{Data: answer.Body}, &fstest.MapFile{Data: []byte(answer.Chain)}
				default:
					m[answer.File], m["qe-identity.chain.pem"] = &fstest.MapFile{Data: answer.Body}, &fstest.MapFile{Data: []byte(answer.Chain)}
				}
			}
		}
		return m
	}
	for name, c := range map[string]struct {
		dir  fs.FS
		want collateral.Status
	}{
		"single answers, older CRL first":    {singles("a", "b"), collateral.Revoked},
		"single answers, newer CRL first":    {singles("b", "a"), collateral.Revoked},
		"whole sets, older first":            {fstest.MapFS{"a.json": whole(older), "b.json": whole(revoking(older, -3))}, collateral.Revoked},
		"whole sets, newer first":            {fstest.MapFS{"b.json": whole(older), "a.json": whole(revoking(older, -3))}, collateral.Revoked},
		"newer CRL beside an older TCB info": {fstest.MapFS{"a.json": whole(older), "b.json": whole(revoking(old, -3))}, collateral.Revoked},
		"newer root CRL":                     {fstest.MapFS{"a.json": whole(older), "b.json": whole(rootRevoking)}, collateral.Revoked},
		"CRL of tomorrow":                    {fstest.MapFS{"a.json": whole(older), "b.json": whole(revoking(old, 1))}, collateral.UpToDate},
		"an older list that revokes":         {fstest.MapFS{"a.json": whole(older), "b.json": whole(revoking(old, -25))}, collateral.UpToDate},
	} {
		set, err := collateral.ReadDir(c.dir)
		if err != nil || len(set) != 2 {
			t.Errorf("%s: %d sets, %v", name, len(set), err)
			continue
		}
		var memo collateral.Memo
		for range 2 {
			checked, err := memo.Check(set.For(w.td.Platform.Options().FMSPC, set[0].CA(), at), w.auth.Pool(), at)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if tcb, err := checked.Appraise(w.quote()); err != nil || tcb.Status != c.want {
				t.Errorf("%s: %+v %v, want %s", name, tcb, err, c.want)
			}
		}
	}
	lonely := singles("a", "b")
	delete(lonely, "tcb.json")
	delete(lonely, "tcb.chain.pem")
	lonely["whole.json"] = whole(older)
	if _, err := collateral.ReadDir(lonely); !errors.Is(err, collateral.ErrMalformed) {
		t.Errorf("a CRL that belongs to no TCB info: %v", err)
	}
}
