package collateral_test

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// TestEveryPartIsSigned: change any, and nothing of it is believed.
func TestEveryPartIsSigned(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	other, err := tdx.NewAuthority("somebody else", at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := other.Platform(tdx.PlatformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := p.NewTD(tdx.Defaults()).Collateral(tdx.CollateralOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pck := string(pemOf(w.td.Platform.PCK(), w.auth.Root()))
	for name, change := range map[string]func(c *tdx.Collateral){
		"TCB info":                  func(c *tdx.Collateral) { c.TCBInfo = strings.Replace(c.TCBInfo, "UpToDate", "Revoked", 1) },
		"QE identity":               func(c *tdx.Collateral) { c.QEIdentity = strings.Replace(c.QEIdentity, `"isvsvn":4`, `"isvsvn":1`, 1) },
		"TCB info signature":        func(c *tdx.Collateral) { c.TCBInfoSignature = c.QEIdentitySignature },
		"QE identity signature":     func(c *tdx.Collateral) { c.QEIdentitySignature = c.TCBInfoSignature },
		"documents exchanged":       func(c *tdx.Collateral) { c.TCBInfo, c.TCBInfoSignature = foreign.TCBInfo, foreign.TCBInfoSignature },
		"TCB info chain":            func(c *tdx.Collateral) { c.TCBInfoIssuerChain = foreign.TCBInfoIssuerChain },
		"QE identity chain":         func(c *tdx.Collateral) { c.QEIdentityIssuerChain = foreign.QEIdentityIssuerChain },
		"PCK CRL chain":             func(c *tdx.Collateral) { c.PCKCRLIssuerChain = foreign.PCKCRLIssuerChain },
		"root CRL":                  func(c *tdx.Collateral) { c.RootCACRL = foreign.RootCACRL },
		"PCK CRL":                   func(c *tdx.Collateral) { c.PCKCRL = foreign.PCKCRL },
		"CRLs exchanged":            func(c *tdx.Collateral) { c.PCKCRL, c.RootCACRL = c.RootCACRL, c.PCKCRL },
		"all by somebody else":      func(c *tdx.Collateral) { *c = *foreign },
		"TCB info by a CA":          func(c *tdx.Collateral) { c.TCBInfoIssuerChain = c.PCKCRLIssuerChain },
		"QE identity by a CA":       func(c *tdx.Collateral) { c.QEIdentityIssuerChain = c.PCKCRLIssuerChain },
		"PCK CRL by the TCB signer": func(c *tdx.Collateral) { c.PCKCRLIssuerChain = c.TCBInfoIssuerChain },
		"TCB info by a PCK":         func(c *tdx.Collateral) { c.TCBInfoIssuerChain = pck },
	} {
		c := *w.collateral(tdx.CollateralOptions{})
		change(&c)
		read, err := collateral.Parse(c.JSON())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := read.Check(w.auth.Pool(), at); !errors.Is(err, collateral.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormsOfCRLAndChain(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	c := w.collateral(tdx.CollateralOptions{RevokeOthers: 2})
	der, err := hex.DecodeString(c.PCKCRL)
	if err != nil {
		t.Fatal(err)
	}
	files := func(change func(m fstest.MapFS)) fs.FS {
		m := fstest.MapFS{}
		for _, a := range c.Answers(w.td.Platform) {
			m[a.File] = &fstest.MapFile{Data: a.Body}
			if a.Chain != "" {
				m[strings.TrimSuffix(strings.TrimSuffix(a.File, ".json"), ".der")+".chain.pem"] = &fstest.MapFile{Data: []byte(a.Chain)}
			}
		}
		change(m)
		return m
	}
	escaped := strings.NewReplacer(" ", "%20", "\n", "%0A", "+", "%2B", "/", "%2F", "=", "%3D").Replace(c.TCBInfoIssuerChain)
	for name, dir := range map[string]fs.FS{
		"as it is":        files(func(fstest.MapFS) {}),
		"hexadecimal CRL": files(func(m fstest.MapFS) { m["pck-crl.der"].Data = []byte(hex.EncodeToString(der) + "\n") }),
		"escaped chain":   files(func(m fstest.MapFS) { m["tcb.chain.pem"].Data = []byte(escaped) }),
		"other files":     files(func(m fstest.MapFS) { m["README.txt"] = &fstest.MapFile{}; m["sub/x.json"] = &fstest.MapFile{} }),
		"one file":        fstest.MapFS{"x.json": {Data: c.JSON()}},
	} {
		set, err := collateral.ReadDir(dir)
		if err != nil || len(set) != 1 {
			t.Errorf("%s: %d, %v", name, len(set), err)
			continue
		}
		o := w.td.Platform.Options()
		if set.For(o.FMSPC, set[0].CA(), at) != set[0] || set.For([6]byte{}, set[0].CA(), at) != nil || set.For(o.FMSPC, "?", at) != nil {
			t.Errorf("%s: For", name)
		}
		checked, err := set[0].Check(w.auth.Pool(), at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tcb, err := checked.Appraise(w.quote()); err != nil || tcb.Status != collateral.UpToDate {
			t.Errorf("%s: %+v %v", name, tcb, err)
		}
	}
	for name, dir := range map[string]fs.FS{
		"no chain":       files(func(m fstest.MapFS) { delete(m, "tcb.chain.pem") }),
		"no root CRL":    files(func(m fstest.MapFS) { delete(m, "root-crl.der") }),
		"no PCK CRL":     files(func(m fstest.MapFS) { delete(m, "pck-crl.der") }),
		"no QE identity": files(func(m fstest.MapFS) { delete(m, "qe-identity.json") }),
		"two root CRLs":  files(func(m fstest.MapFS) { m["b.der"] = m["root-crl.der"] }),
		"two identities": files(func(m fstest.MapFS) {
			m["b.json"], m["b.chain.pem"] = m["qe-identity.json"], m["qe-identity.chain.pem"]
		}),
		"another JSON":    files(func(m fstest.MapFS) { m["b.json"] = &fstest.MapFile{Data: []byte(`{}`)} }),
		"broken chain":    files(func(m fstest.MapFS) { m["tcb.chain.pem"].Data = m["tcb.chain.pem"].Data[:300] }),
		"text before PEM": files(func(m fstest.MapFS) { m["tcb.chain.pem"].Data = append([]byte("x\n"), m["tcb.chain.pem"].Data...) }),
	} {
		if set, err := collateral.ReadDir(dir); err == nil {
			t.Errorf("%s: accepted, %d", name, len(set))
		}
	}
}

func TestSetGivesTheLatestThatIsValid(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	dir := fstest.MapFS{}
	for name, issue := range map[string]time.Time{"old": at.AddDate(0, 0, -20), "new": at.AddDate(0, 0, -1), "coming": at.AddDate(0, 0, 5), "gone": at.AddDate(-1, 0, 0)} {
		dir[name+".json"] = &fstest.MapFile{Data: w.collateral(tdx.CollateralOptions{Issue: issue, Next: issue.AddDate(0, 0, 30)}).JSON()}
	}
	set, err := collateral.ReadDir(dir)
	if err != nil || len(set) != 4 {
		t.Fatal(err)
	}
	best := set.For(w.td.Platform.Options().FMSPC, set[0].CA(), at)
	read, err := collateral.Parse(dir["new.json"].Data)
	if err != nil || best.Digest() != read.Digest() {
		t.Error("not the one issued yesterday", err)
	}
}

func TestMemo(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	c, err := collateral.Parse(w.collateral(tdx.CollateralOptions{}).JSON())
	if err != nil {
		t.Fatal(err)
	}
	var memo collateral.Memo
	first, err := memo.Check(c, w.auth.Pool(), at)
	if err != nil {
		t.Fatal(err)
	}
	if allocs := testing.AllocsPerRun(10, func() { _, _ = memo.Check(c, w.auth.Pool(), at) }); allocs > 20 {
		t.Errorf("%v allocations: not remembered", allocs)
	}
	// At another time the same signatures, other windows.
	late, err := memo.Check(c, w.auth.Pool(), first.Expires().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	q, p := w.quote()
	if tcb, err := late.Appraise(q, p); err != nil || len(tcb.Stale) == 0 {
		t.Errorf("past its end: %+v %v", tcb, err)
	}
	if tcb, err := first.Appraise(q, p); err != nil || len(tcb.Stale) > 0 {
		t.Errorf("the first: %+v %v", tcb, err)
	}
	// Other roots are another trust set.
	other, err := tdx.NewAuthority("somebody else", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := memo.Check(c, other.Pool(), at); !errors.Is(err, collateral.ErrSignature) {
		t.Error(err)
	}
	if _, err := memo.Check(c, x509.NewCertPool(), at); !errors.Is(err, collateral.ErrSignature) {
		t.Error(err)
	}
	if _, err := memo.Check(c, w.auth.Pool(), time.Time{}); err == nil {
		t.Error("zero time")
	}
}

func TestNoDirectory(t *testing.T) {
	if _, err := collateral.ReadDir(os.DirFS(t.TempDir() + "/none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
