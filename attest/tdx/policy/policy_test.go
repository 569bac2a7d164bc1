package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-tdx-guest/abi"
	"github.com/google/go-tdx-guest/validate"

	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/internal/vectors"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	"github.com/hallmark-attest/hallmark/attest/tdx/quote"
	"github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

var at = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

var upToDate = policy.TCB{Accept: []collateral.Status{collateral.UpToDate}, AnyEvaluation: true}

// strictest knows every value of the TD.
func strictest(m tdx.Measurements) policy.Policy {
	v := func(r tdx.Register) policy.Values {
		return policy.Values{Any: []quote.Measurement{{9}, quote.Measurement(r)}}
	}
	p := policy.Policy{
		MRTD: v(m.MRTD), MRSEAM: v(m.MRSeam), MRCONFIGID: policy.Zero, MROWNER: policy.Zero, MROWNERCONFIG: policy.Zero,
		MRSERVICETD: policy.Values{Any: []quote.Measurement{{}}, Absent: true},
		Attributes:  policy.DefaultAttributes, XFAM: policy.Bits{Must: 3, May: 0x6ffff},
		TCB: upToDate, Platforms: policy.Platforms{Ignore: true},
	}
	for i := range p.RTMR {
		p.RTMR[i] = v(m.RTMR[i])
	}
	return p
}

// ignoring knows none and says so.
func ignoring() policy.Policy {
	i := policy.Values{Ignore: true}
	return policy.Policy{MRTD: i, MRSEAM: i, MRCONFIGID: i, MROWNER: i, MROWNERCONFIG: i, MRSERVICETD: i, RTMR: [4]policy.Values{i, i, i, i},
		Attributes: policy.DefaultAttributes, XFAM: policy.Bits{Ignore: true}, TCB: upToDate, Platforms: policy.Platforms{Ignore: true}}
}

func sign(t *testing.T, m tdx.Measurements) *quote.Quote {
	t.Helper()
	auth, err := tdx.NewAuthority("policy", at)
	if err != nil {
		t.Fatal(err)
	}
	p, err := auth.Platform(tdx.PlatformOptions{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := quote.Parse(p.NewTD(m).Quote([64]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func ids(reasons []policy.Reason) (out []string) {
	for _, r := range reasons {
		out = append(out, r.ID)
	}
	return out
}

// TestD5EveryFieldIsHeldInBothVersions: change one field, and that one is the reason. The library refuses version 5 altogether.
func TestD5EveryFieldIsHeldInBothVersions(t *testing.T) {
	v5 := tdx.Defaults()
	v5.Version = 5
	if read, err := abi.QuoteToProto(sign(t, v5).Canonical()); err != nil || validate.TdxQuote(read, &validate.Options{}) == nil {
		t.Errorf("the library takes version 5 now: %v", err)
	}
	for _, version := range []uint16{4, 5} {
		base := tdx.Defaults()
		base.Version = version
		p := strictest(base)
		if got := p.TD(sign(t, base)); len(got) > 0 {
			t.Fatalf("version %d: %+v", version, got)
		}
		for id, change := range map[string]func(m *tdx.Measurements){
			"mrtd":          func(m *tdx.Measurements) { m.MRTD[47]++ },
			"mrseam":        func(m *tdx.Measurements) { m.MRSeam[0]++ },
			"mrconfigid":    func(m *tdx.Measurements) { m.MRConfigID[0]++ },
			"mrowner":       func(m *tdx.Measurements) { m.MROwner[0]++ },
			"mrownerconfig": func(m *tdx.Measurements) { m.MROwnerConfig[0]++ },
			"rtmr0":         func(m *tdx.Measurements) { m.RTMR[0][0]++ },
			"rtmr1":         func(m *tdx.Measurements) { m.RTMR[1][0]++ },
			"rtmr2":         func(m *tdx.Measurements) { m.RTMR[2][0]++ },
			"rtmr3":         func(m *tdx.Measurements) { m.RTMR[3][0]++ },
			"mrservicetd":   func(m *tdx.Measurements) { m.MRServiceTD[0]++ },
			"attributes":    func(m *tdx.Measurements) { m.Attributes = 0 },
			"xfam":          func(m *tdx.Measurements) { m.XFAM |= 1 << 40 },
		} {
			m := base
			change(&m)
			want := []string{"tdx.policy." + id}
			if id == "mrservicetd" && version == 4 {
				want = nil // it does not show it
			}
			if got := ids(p.TD(sign(t, m))); !slices.Equal(got, want) {
				t.Errorf("version %d, %s: %v", version, id, got)
			}
		}
	}
}

func TestServiceTDMustBeShownUnlessAbsentIsAccepted(t *testing.T) {
	p := strictest(tdx.Defaults())
	p.MRSERVICETD = policy.Zero
	if got := ids(p.TD(sign(t, tdx.Defaults()))); !slices.Equal(got, []string{"tdx.policy.mrservicetd"}) {
		t.Error(got)
	}
}

// TestD4AbsentNeverMeansUnchecked: the library takes one empty MRTD in its list for any; ours has no empty one, and an empty list is no policy.
func TestD4AbsentNeverMeansUnchecked(t *testing.T) {
	q := sign(t, tdx.Defaults())
	read, err := abi.QuoteToProto(q.Canonical())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.TdxQuote(read, &validate.Options{TdQuoteBodyOptions: validate.TdQuoteBodyOptions{AnyMrTd: [][]byte{make([]byte, 48), {}}}}); err != nil {
		t.Errorf("the library refuses now: %v", err)
	}
	full := ignoring()
	if err := full.Check(); err != nil {
		t.Fatal(err)
	}
	if got := full.TD(q); len(got) > 0 {
		t.Fatal(got)
	}
	for name, open := range map[string]func(p *policy.Policy){
		"MRTD":               func(p *policy.Policy) { p.MRTD = policy.Values{} },
		"MRTD both":          func(p *policy.Policy) { p.MRTD = policy.Values{Ignore: true, Any: []quote.Measurement{{}}} },
		"MRSERVICETD":        func(p *policy.Policy) { p.MRSERVICETD = policy.Values{Absent: true} },
		"RTMR3":              func(p *policy.Policy) { p.RTMR[3] = policy.Values{} },
		"attributes":         func(p *policy.Policy) { p.Attributes = policy.Bits{} },
		"attributes ignored": func(p *policy.Policy) { p.Attributes = policy.Bits{Ignore: true} },
		"XFAM":               func(p *policy.Policy) { p.XFAM = policy.Bits{} },
		"no status":          func(p *policy.Policy) { p.TCB.Accept = nil },
		"foreign":            func(p *policy.Policy) { p.TCB.Accept = []collateral.Status{collateral.Foreign} },
		"unknown status":     func(p *policy.Policy) { p.TCB.Accept = []collateral.Status{"uptodate"} },
		"evaluation":         func(p *policy.Policy) { p.TCB.AnyEvaluation = false },
		"advisories":         func(p *policy.Policy) { p.TCB.AnyAdvisory, p.TCB.Advisories = true, []string{"x"} },
		"platforms":          func(p *policy.Policy) { p.Platforms = policy.Platforms{} },
		"all":                func(p *policy.Policy) { *p = policy.Policy{} },
	} {
		p := ignoring()
		open(&p)
		if p.Check() == nil {
			t.Errorf("%s: left open and accepted", name)
		}
		if got := ids(p.TD(q)); !slices.Equal(got, []string{"tdx.policy.incomplete"}) {
			t.Errorf("%s: %v", name, got)
		}
		if got := ids(p.Status(&collateral.TCB{Status: collateral.UpToDate}, at)); !slices.Equal(got, []string{"tdx.policy.incomplete"}) {
			t.Errorf("%s: %v", name, got)
		}
		if got := ids(p.Platform(&quote.Platform{})); !slices.Equal(got, []string{"tdx.policy.incomplete"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestD7DebugIsRefused: whatever else is accepted.
func TestD7DebugIsRefused(t *testing.T) {
	p := ignoring()
	p.Attributes = policy.Bits{May: ^uint64(0)}
	for _, bit := range []quote.Attributes{quote.Debug, 1 << 4, 1 << 7} {
		m := tdx.Defaults()
		m.Attributes |= uint64(bit)
		q := sign(t, m)
		if got := ids(p.TD(q)); !slices.Equal(got, []string{"tdx.policy.debug"}) {
			t.Errorf("%v: %v", bit, got)
		}
	}
}

func TestD7CapturedDebugTDIsRefused(t *testing.T) {
	p := ignoring()
	raw := vectors.Read(t, "trustee-tdx_quote_4.dat")
	q, err := quote.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	read, err := abi.QuoteToProto(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.TdxQuote(read, &validate.Options{}); err != nil {
		t.Errorf("the library refuses a debug TD by default now: %v", err)
	}
	if got := ids(p.TD(q)); !slices.Equal(got, []string{"tdx.policy.debug"}) {
		t.Errorf("the captured debug TD: %v", got)
	}
}

// TestD10AttributesAreThePolicys: the library lets PERFMON through and has a list that ends in 2023.
func TestD10AttributesAreThePolicys(t *testing.T) {
	p := ignoring()
	for name, c := range map[string]struct {
		bits quote.Attributes
		ok   bool
	}{
		"SEPT_VE_DISABLE": {quote.SEPTVEDisable, true},
		"with PKS":        {quote.SEPTVEDisable | quote.PKS, true},
		"with LASS":       {quote.SEPTVEDisable | quote.LASS, true},
		"none":            {0, false},
		"PERFMON":         {quote.SEPTVEDisable | quote.PerfMon, false},
		"MIGRATABLE":      {quote.SEPTVEDisable | quote.Migratable, false},
		"no name":         {quote.SEPTVEDisable | 1<<40, false},
	} {
		m := tdx.Defaults()
		m.Attributes = uint64(c.bits)
		q := sign(t, m)
		if got := ids(p.TD(q)); (len(got) == 0) != c.ok {
			t.Errorf("%s: %v", name, got)
		}
		if c.bits&quote.PerfMon != 0 {
			if read, err := abi.QuoteToProto(q.Canonical()); err != nil || validate.TdxQuote(read, &validate.Options{}) != nil {
				t.Errorf("the library refuses PERFMON now: %v", err)
			}
		}
	}
	// What a verifier wants otherwise, it says.
	m := tdx.Defaults()
	m.Attributes = uint64(quote.Migratable)
	p.Attributes = policy.Bits{May: uint64(quote.Migratable)}
	if got := p.TD(sign(t, m)); len(got) > 0 {
		t.Error(got)
	}
}
