package tdx_test

import (
	"context"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/verify"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// world is an authority, one platform of it and one TD on that.
type world struct {
	authority *tdx.Authority
	td        *tdx.TD
}

func newWorld(t testing.TB, m tdx.Measurements, o tdx.PlatformOptions) world {
	t.Helper()
	a, err := tdx.NewAuthority(t.Name(), at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Platform(o)
	if err != nil {
		t.Fatal(err)
	}
	return world{a, p.NewTD(m)}
}

func (w world) answers(t testing.TB, o tdx.CollateralOptions) tdx.Answers {
	t.Helper()
	c, err := w.td.Collateral(o)
	if err != nil {
		t.Fatal(err)
	}
	return c.Answers(w.td.Platform)
}

// full is go-tdx-guest with everything on: chain, signatures, collateral, CRLs.
func full(quote []byte, answers tdx.Answers, roots *x509.CertPool, now time.Time) error {
	q, err := abi.QuoteToProto(quote)
	if err != nil {
		return err
	}
	return verify.TdxQuoteContext(context.Background(), q, &verify.Options{
		CheckRevocations: true, GetCollateral: true, Getter: answers, TrustedRoots: roots,
		Now: &verify.TimeSet{PckCertChain: now, TcbInfo: now, QeIdentity: now, RootCaCrl: now, PckCrl: now},
	})
}

func version(v uint16) tdx.Measurements {
	m := tdx.Defaults()
	m.Version = v
	return m
}

func TestQuotesOfBothVersionsPassFullVerification(t *testing.T) {
	for _, v := range []uint16{4, 5} {
		for _, zero := range []bool{true, false} {
			m := version(v)
			m.CertZero = zero
			w := newWorld(t, m, tdx.PlatformOptions{})
			if err := full(w.td.Quote([64]byte{1}), w.answers(t, tdx.CollateralOptions{RevokeOthers: 3}), w.authority.Pool(), at); err != nil {
				t.Errorf("version %d, zero byte %v: %v", v, zero, err)
			}
		}
	}
}

func TestTDX10PassesFullVerification(t *testing.T) {
	m := tdx.Defaults()
	m.TeeTCBSVN = [16]byte{3, 0, 5}
	w := newWorld(t, m, tdx.PlatformOptions{})
	if err := full(w.td.Quote([64]byte{}), w.answers(t, tdx.CollateralOptions{NoModules: true}), w.authority.Pool(), at); err != nil {
		t.Error(err)
	}
	for _, s := range tdx.Statuses()[1:] {
		if full(w.td.Quote([64]byte{}), w.answers(t, tdx.CollateralOptions{Platform: tdx.Judged{Status: s}}), w.authority.Pool(), at) == nil {
			t.Errorf("platform %s accepted", s)
		}
	}
}

func TestWhatIsWrongIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		o    tdx.CollateralOptions
		want string
	}{
		"module out of date":     {tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.OutOfDate}}, "TDX TCB info reported by Intel PCS failed TCB status check"},
		"module revoked":         {tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.Revoked}}, `found "Revoked"`},
		"module without a level": {tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.NoLevel}}, "could not find a TDX Module Identity TCB Level"},
		"module not listed":      {tdx.CollateralOptions{ModuleID: "TDX_02"}, "could not find a TDX Module Identity"},
		"module of a stranger":   {tdx.CollateralOptions{ModuleSigner: tdx.Measure("a stranger")}, "MRSIGNERSEAM"},
		"platform without level": {tdx.CollateralOptions{Platform: tdx.Judged{Status: tdx.NoLevel}}, "no matching TCB level"},
		"qe out of date":         {tdx.CollateralOptions{QE: tdx.Judged{Status: tdx.OutOfDate}}, "QE Identity reported by Intel PCS failed TCB status check"},
		"qe without a level":     {tdx.CollateralOptions{QE: tdx.Judged{Status: tdx.NoLevel}}, "no matching QE TCB level"},
		"pck revoked":            {tdx.CollateralOptions{RevokePCK: true}, "PCK Leaf certificate in PCK certificate chain was revoked"},
		"platform ca revoked":    {tdx.CollateralOptions{RevokeCA: true}, "intermediate certificate in PCK certificate chain was revoked"},
		"tcb signer revoked":     {tdx.CollateralOptions{RevokeTCBSigner: true}, "signing certificate was revoked"},
		"tcb info expired":       {tdx.CollateralOptions{Next: at.Add(-time.Minute), QENext: at.Add(time.Hour), CRLNext: at.Add(time.Hour)}, "tcbInfo has expired"},
		"qe identity expired":    {tdx.CollateralOptions{QENext: at.Add(-time.Minute)}, "QeIdentity has expired"},
		"pck crl expired":        {tdx.CollateralOptions{CRLNext: at.Add(-time.Minute), RootCRLNext: at.Add(time.Hour)}, "PCK CRL has expired"},
		"root crl expired":       {tdx.CollateralOptions{RootCRLNext: at.Add(-time.Minute)}, "root CA CRL has expired"},
		"another fmspc":          {tdx.CollateralOptions{FMSPC: &[6]byte{1}}, "FMSPC"},
		"another pce":            {tdx.CollateralOptions{PCEID: &[2]byte{1}}, "PCEID"},
		"tcb info of sgx":        {tdx.CollateralOptions{TCBInfoID: "SGX"}, "tcbInfo ID"},
		"identity of another qe": {tdx.CollateralOptions{QEID: "QE"}, "QeIdentity ID"},
	} {
		w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
		err := full(w.td.Quote([64]byte{}), w.answers(t, c.o), w.authority.Pool(), at)
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestStrangersRootsAreRefused(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	other, err := tdx.NewAuthority("other", at)
	if err != nil {
		t.Fatal(err)
	}
	for name, roots := range map[string]*x509.CertPool{"another authority's": other.Pool(), "Intel's": nil, "none": x509.NewCertPool()} {
		if full(w.td.Quote([64]byte{}), w.answers(t, tdx.CollateralOptions{}), roots, at) == nil {
			t.Errorf("%s roots accept the quote", name)
		}
	}
}

func TestExpiredPCKIsRefused(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{NotAfter: at.Add(-time.Minute)})
	if full(w.td.Quote([64]byte{}), w.answers(t, tdx.CollateralOptions{}), w.authority.Pool(), at) == nil {
		t.Error("accepted")
	}
}

func TestChangedQuotesAreRefused(t *testing.T) {
	for _, v := range []uint16{4, 5} {
		w := newWorld(t, version(v), tdx.PlatformOptions{})
		answers := w.answers(t, tdx.CollateralOptions{})
		for _, offset := range []int{30, 48 + 136, 48 + 584 - 1} {
			q := w.td.Quote([64]byte{})
			q[offset] ^= 1
			if full(q, answers, w.authority.Pool(), at) == nil {
				t.Errorf("version %d, byte %d changed: accepted", v, offset)
			}
		}
	}
}

// The defects that the verifier must not inherit: with them a library that is careful otherwise accepts bad platforms.
func TestDefectsOfTheLibraryReproduce(t *testing.T) {
	w := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{})
	outOfDate := tdx.CollateralOptions{Module: tdx.Judged{Status: tdx.OutOfDate}}
	good := w.answers(t, tdx.CollateralOptions{})
	forged := w.answers(t, outOfDate)
	inner := strings.TrimPrefix(string(good.TCBInfo().Body), `{"tcbInfo":`)
	inner, _, _ = strings.Cut(inner, `,"signature"`)
	forged.TCBInfo().Body = tdx.AddMember(forged.TCBInfo().Body, "TCBInfo", inner, true)
	debug := tdx.Defaults()
	debug.Attributes |= tdx.AttrDebug
	for name, run := range map[string]func() error{
		"D1: a revoked platform under a module that is up to date": func() error {
			return full(w.td.Quote([64]byte{}), w.answers(t, tdx.CollateralOptions{Platform: tdx.Judged{Status: tdx.Revoked}}), w.authority.Pool(), at)
		},
		"D2: a member whose name differs in case": func() error { return full(w.td.Quote([64]byte{}), forged, w.authority.Pool(), at) },
		"D7: a debug TD": func() error {
			d := newWorld(t, debug, tdx.PlatformOptions{})
			return full(d.td.Quote([64]byte{}), d.answers(t, tdx.CollateralOptions{}), d.authority.Pool(), at)
		},
	} {
		if err := run(); err != nil {
			t.Errorf("%s: refused (%v): the library has changed, look whether our guard is still needed", name, err)
		}
	}
	p := newWorld(t, tdx.Defaults(), tdx.PlatformOptions{Processor: true}) // D10
	if full(p.td.Quote([64]byte{}), p.answers(t, tdx.CollateralOptions{}), p.authority.Pool(), at) == nil {
		t.Error("D10: the library accepts the Processor CA now")
	}
}
