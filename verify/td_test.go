package verify

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tdx/collateral"
	"github.com/hallmark-attest/hallmark/attest/tdx/policy"
	sim "github.com/hallmark-attest/hallmark/internal/sim/tdx"
)

// A simulator's quote is worth nothing to who does not say that a simulator's will do, twice: for the quote and for the node record.
func TestSyntheticTDNeedsWordsThatSayUnsafe(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	for name, c := range map[string]struct {
		change func(*Endorsements)
		want   string
	}{
		"Intel's root":              {func(e *Endorsements) { e.TD.RootsUnsafe = nil }, "tdx.quote.signature"},
		"no root":                   {func(e *Endorsements) { e.TD.RootsUnsafe = x509.NewCertPool() }, "tdx.quote.signature"},
		"record not to be believed": {func(e *Endorsements) { e.AcceptDemoRootsUnsafe = false }, "node.demo_root"},
		"both said":                 {func(*Endorsements) {}, verifiedTD},
	} {
		e := f.believing()
		c.change(&e)
		if got := outcome(f.insideAs(TierVerified, e)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Who lets a simulator's quotes pass judges nodes enrolled by genuine ones no higher for it: the PPID is in every quote.
func TestSyntheticTDIsNoRootOfAGenuinelyEnrolledNode(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	f.node = func(n *attest.Node) { n.Trust = attest.TrustPlatform }
	r := f.inside(TierVerified)
	wants(t, r, "+tdx.quote.ok", "+tdx.tcb.ok", "!root.none")
	for _, found := range r.Findings {
		if found.Assurance == Hardware {
			t.Errorf("%s rests on a simulator and is called %s", found.ID, found.Assurance)
		}
	}
	if r.Tier != TierCommunity || r.Claims[attest.KindTDX].Note != "the quote: asserted; the rest: asserted" {
		t.Errorf("%s, %q", r.Tier, r.Claims[attest.KindTDX].Note)
	}
	f = tdBeside(t, tdOptions{})
	f.imagePolicy()
	if !slices.ContainsFunc(f.inside(TierConfidential).Unmet, func(u Unmet) bool { return u.Demand == string(DemandTD) }) {
		t.Error("a simulated TD beside a genuine TPM meets the demand for a TD")
	}
}

// imagePolicy names the image of the forge's own TD.
func (f *forge) imagePolicy() {
	f.t.Helper()
	m := f.td.td.Measurements()
	p, err := ParseTDPolicy([]byte(`{"mrtd": ["` + hexOf(m.MRTD[:]) + `"], "rtmr": [["` + hexOf(m.RTMR[0][:]) + `"], ["` + hexOf(m.RTMR[1][:]) + `"], ["` + hexOf(m.RTMR[2][:]) + `"], null]}`))
	if err != nil {
		f.t.Fatal(err)
	}
	f.td.endorse.Policy = p
}

// The owner of a TD chooses its firmware, which may measure Secure Boot and enforce nothing.
func TestSecureBootIsTheWordOfFirmwareThatSomebodyNamed(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	if b := find(t, f.inside(TierVerified), "tdx.secure_boot"); b.Assurance != Asserted || !strings.Contains(b.Seen, "no policy names") {
		t.Errorf("any firmware: %s, %q", b.Assurance, b.Seen)
	}
	if p := find(t, f.inside(TierVerified), "tdx.policy.ok"); !strings.Contains(p.Seen, "no image") {
		t.Errorf("%q", p.Seen)
	}
	f.imagePolicy()
	if b := find(t, f.inside(TierVerified), "tdx.secure_boot"); b.Assurance != Hardware || b.Seen != "on" {
		t.Errorf("firmware that is named: %s, %q", b.Assurance, b.Seen)
	}
	f.td.endorse.Collateral = nil
	if b := find(t, f.inside(TierVerified), "tdx.secure_boot"); b.Assurance != Asserted {
		t.Errorf("on a platform that nobody judged: %s", b.Assurance)
	}
}

// What is unmet is explained by what was found, not by a sentence about something else.
func TestUnmetDemandsOfATDNameItsTrouble(t *testing.T) {
	for want, f := range map[string]*forge{
		"tdx.tcb.status":          tdAlone(t, tdOptions{collateral: sim.CollateralOptions{Platform: sim.Judged{Status: sim.OutOfDate}}}),
		"tdx.tcb.revoked":         tdAlone(t, tdOptions{collateral: sim.CollateralOptions{RevokePCK: true}}),
		"tdx.debug":               tdAlone(t, tdOptions{measurements: func(m *sim.Measurements) { m.Attributes |= sim.AttrDebug }}),
		"tdx.quote.not_evaluable": tdAlone(t, tdOptions{platform: expired}),
	} {
		for _, u := range f.inside(TierVerified).Unmet {
			if (u.Demand == string(DemandHardwareRoot) || u.Demand == string(DemandBootLog)) && u.Finding != want {
				t.Errorf("%s: %s is explained by %s", want, u.Demand, u.Finding)
			}
		}
	}
}

func TestPolicyWithQuestionsIsRefusedBeforeAnybodyIsJudged(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	open := DefaultTDPolicy()
	open.MRTD = policy.Values{}
	f.td.endorse.Policy = &open
	if _, err := f.judgeWith(f.believing(), nil, f.soon(TierVerified)); err == nil || !strings.Contains(err.Error(), "MRTD") {
		t.Error(err)
	}
}

// What the quote states is the hardware's word; the claims beside it are the node's.
func TestTDQuoteAndClaimsHaveTheirStanding(t *testing.T) {
	r := tdAlone(t, tdOptions{}).inside(TierVerified)
	c := r.Claims[attest.KindTDX]
	if c.Assurance != Asserted || c.Note != "the quote: hardware; the rest: asserted" {
		t.Errorf("%s, %q", c.Assurance, c.Note)
	}
	for _, k := range []string{"mrtd", "rtmr0", "rtmr3", "attributes", "fmspc", "platform", "tcb_status"} {
		if c.Quote[k] == nil || c.Quote[k] == "" {
			t.Errorf("the quote's %s is not shown: %v", k, c.Quote)
		}
	}
	if r.Claims[attest.KindEngine].Assurance != Asserted {
		t.Error("a TD raises no other claim")
	}
}

func TestCeilingSaysWhatATDDoesNotSee(t *testing.T) {
	for name, f := range map[string]*forge{"alone": tdAlone(t, tdOptions{}), "beside": tdBeside(t, tdOptions{})} {
		r := f.inside(TierVerified)
		if !strings.Contains(r.Ceiling, "memory bus") || strings.Contains(r.Ceiling, "in one machine") != (name == "beside") {
			t.Errorf("%s: %q", name, r.Ceiling)
		}
	}
	if r := vm(t, "secure-boot").result(nil, nil, TierVerified); strings.Contains(r.Ceiling, "TD") {
		t.Errorf("without one: %q", r.Ceiling)
	}
}

// Without a node record nobody has said whose platform it may be.
func TestUnenrolledTDIsNoHardwareRoot(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	e := f.believing()
	e.Node = nil
	r := f.insideAs(TierVerified, e)
	if r.Tier == TierVerified || !slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Demand == string(DemandHardwareRoot) }) {
		t.Errorf("%s, %+v", r.Tier, r.Unmet)
	}
	wants(t, r, "+tdx.quote.ok")
}

// A host enrolled by its key alone has no platform that anybody pinned.
func TestFirstUseKeyInATDIsNoHardwareRoot(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	f.node = func(n *attest.Node) { n.TD, n.Trust = nil, attest.TrustFirstUse }
	if r := f.inside(TierVerified); r.Tier != TierCommunity {
		t.Errorf("%s", r.Tier)
	}
	// The same of a genuine quote, which nobody here can make.
	for _, n := range []*attest.Node{nil, {Trust: attest.TrustFirstUse}, {Trust: attest.TrustCertificate, TPM: &attest.NodeTPM{}}} {
		if a := (&Authenticated{td: &trustDomain{}, node: n}); a.tdRoot() || a.tdAssurance() != Hardware {
			t.Errorf("%+v: root %v, %s", n, a.tdRoot(), a.tdAssurance())
		}
	}
	if a := (&Authenticated{td: &trustDomain{}, node: &attest.Node{Trust: attest.TrustPlatform, TD: &attest.NodeTD{}}}); !a.tdRoot() {
		t.Error("an enrolled platform is no root")
	}
}

func TestPolicyFileDecidesAboutTheTD(t *testing.T) {
	platform := func(f *forge) string { return f.td.node().PPID.String() }
	mrtd := func(f *forge) string { m := sim.Defaults().MRTD; return attest.Digest(m[:32]).String() + hexOf(m[32:]) }
	for name, c := range map[string]struct {
		policy func(*forge) string
		change func(*tdOptions)
		expect string
		says   []string
	}{
		"own MRTD":            {func(f *forge) string { return `{"mrtd": ["` + mrtd(f) + `"]}` }, nil, verifiedTD, []string{"+tdx.policy.ok"}},
		"another MRTD":        {func(f *forge) string { return `{"mrtd": ["` + zeros + `"]}` }, nil, cappedTD, []string{"!tdx.policy", "-tdx.policy.ok"}},
		"own RTMR0 only":      {func(f *forge) string { return `{"rtmr": [["` + zeros + `"], null, null, null]}` }, nil, cappedTD, []string{"!tdx.policy"}},
		"known platform":      {func(f *forge) string { return `{"platforms": {"` + platform(f) + `": "rack 4"}}` }, nil, verifiedTD, nil},
		"unknown platform":    {func(f *forge) string { return `{"platforms": {"` + zeros[:64] + `": "rack 4"}}` }, nil, cappedTD, []string{"!tdx.policy", "-tdx.policy.ok"}},
		"migration accepted":  {func(*forge) string { return `{"attributes": {"must": 268435456, "may": 536870912}}` }, migratable, verifiedTD, nil},
		"migration wanted":    {func(*forge) string { return `{"attributes": {"must": 805306368, "may": 0}}` }, nil, cappedTD, []string{"!tdx.policy"}},
		"debug accepted":      {func(*forge) string { return `{"attributes": {"must": 0, "may": 1879048193}}` }, func(o *tdOptions) { o.measurements = func(m *sim.Measurements) { m.Attributes |= sim.AttrDebug } }, "tdx.debug", nil},
		"old accepted":        {func(*forge) string { return `{"tcb": {"accept": ["UpToDate", "OutOfDate"]}}` }, outOfDate(), verifiedTD, []string{"+tdx.tcb.ok"}},
		"hardening not":       {func(*forge) string { return `{"tcb": {"accept": ["UpToDate"]}}` }, judgedAs(sim.SWHardeningNeeded), cappedTD, []string{"!tdx.tcb.status"}},
		"advisory not known":  {func(*forge) string { return `{"tcb": {"advisories": ["INTEL-SA-1"]}}` }, advised, cappedTD, []string{"!tdx.tcb.status"}},
		"no advisory":         {func(*forge) string { return `{"tcb": {"advisories": []}}` }, advised, cappedTD, []string{"!tdx.tcb.status"}},
		"evaluation too old":  {func(*forge) string { return `{"tcb": {"min_evaluation": 18}}` }, nil, cappedTD, []string{"!tdx.collateral.stale", "-tdx.tcb.status"}},
		"stale for some days": {func(*forge) string { return `{"tcb": {"stale_days": 3}}` }, endedTwoDaysAgo, verifiedTD, []string{"-tdx.collateral.stale"}},
		"stale for more":      {func(*forge) string { return `{"tcb": {"stale_days": 1}}` }, endedTwoDaysAgo, cappedTD, []string{"!tdx.collateral.stale"}},
		"in grace": {func(*forge) string { return `{"tcb": {"grace_days": 30}}` }, func(o *tdOptions) {
			o.collateral.Platform = sim.Judged{Status: sim.OutOfDate, Date: forged.AddDate(0, 0, -20)}
			o.collateral.Module, o.collateral.QE = sim.Judged{Date: forged}, sim.Judged{Date: forged}
		}, verifiedTD, nil},
	} {
		var o tdOptions
		call(c.change, &o)
		f := tdAlone(t, o)
		p, err := ParseTDPolicy([]byte(c.policy(f)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.td.endorse.Policy = p
		r := f.inside(TierVerified)
		if got := outcome(r); got != c.expect {
			t.Errorf("%s: %s, want %s, %v", name, got, c.expect, said(r))
		}
		wants(t, r, c.says...)
	}
}

func migratable(o *tdOptions) {
	o.measurements = func(m *sim.Measurements) { m.Attributes |= sim.AttrMigratable }
}

func judgedAs(s sim.Status) func(*tdOptions) {
	return func(o *tdOptions) { o.collateral.Platform = sim.Judged{Status: s} }
}

func endedTwoDaysAgo(o *tdOptions) {
	o.collateral.Issue, o.collateral.Next = forged.AddDate(0, -1, 0), forged.AddDate(0, 0, -2)
}

func outOfDate() func(*tdOptions) { return judgedAs(sim.OutOfDate) }

func advised(o *tdOptions) {
	o.collateral.Platform = sim.Judged{Status: sim.SWHardeningNeeded, Advisories: []string{"INTEL-SA-2"}}
}

// The demand of the highest tier: an image that the validator knows, beside a platform that is current.
func TestTDDemandWantsAnImageThatThePolicyNames(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	met := func(f *forge) bool {
		return !slices.ContainsFunc(f.inside(TierConfidential).Unmet, func(u Unmet) bool { return u.Demand == string(DemandTD) })
	}
	if met(f) {
		t.Error("any image will do")
	}
	wants(t, f.inside(TierConfidential), "?td.image")
	if f.imagePolicy(); !met(f) {
		t.Error("not met by the image that is named")
	}
	named := *f.td.endorse.Policy
	for i := range 3 {
		part := named
		part.RTMR[i] = policy.Values{Ignore: true}
		if f.td.endorse.Policy = &part; met(f) {
			t.Errorf("met with any RTMR%d", i)
		}
	}
	f.td.endorse.Policy = &named
	f.td.endorse.Collateral = nil
	if met(f) {
		t.Error("met on a platform that nobody judged")
	}
	if f = newForge(t).withoutTPM(); !slices.ContainsFunc(f.result(nil, nil, TierConfidential).Unmet, func(u Unmet) bool { return u.Demand == string(DemandTD) }) {
		t.Error("met without a TD")
	}
}

// Of several sets, the one that is for this platform and valid then is taken.
func TestCollateralOfThePlatformIsChosen(t *testing.T) {
	f := tdAlone(t, tdOptions{})
	f.td.endorse.Collateral = collateral.Set{f.collateral(sim.CollateralOptions{FMSPC: &[6]byte{1}}), f.collateral(sim.CollateralOptions{Issue: forged.AddDate(0, -1, 0), Next: forged.AddDate(0, 0, -1)}), f.collateral(sim.CollateralOptions{})}
	wants(t, f.inside(TierVerified), "+tdx.tcb.ok", "-tdx.collateral.stale")
}
