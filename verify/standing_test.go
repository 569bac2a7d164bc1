package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/gpu"
)

// find returns the first finding of an id.
func find(t *testing.T, r *Result, id string) Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("%s is not said: %v", id, said(r))
	}
	return r.Findings[i]
}

func judged(t *testing.T, f *forge, asked Tier) *Result {
	t.Helper()
	r, err := f.judge(asked)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClaimsComeWithTheirStanding(t *testing.T) {
	f := newForge(t)
	f.claims[attest.KindGPU] = readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor")
	r := judged(t, f, TierCommunity)
	c, ok := r.Claims[attest.KindTPM]
	if !ok || c.Assurance != Asserted || !strings.Contains(c.Note, "hardware") || !strings.Contains(string(c.Claims), `"how":"go-tpm"`) {
		t.Errorf("tpm: %+v", c)
	}
	if c, ok := r.Claims[attest.KindGPU]; !ok || c.Note != "" || c.Assurance != Asserted {
		t.Errorf("gpu: %s %q", c.Assurance, c.Note)
	}
	find(t, r, "kind.stated")
	for id, by := range map[string]Assurance{"tpm.quote.ok": Hardware, "tpm.ak.enrolled": Hardware, "boot.not_evaluable": Hardware, "crosscheck.not_evaluable": Validator} {
		if got := find(t, r, id).Assurance; got != by {
			t.Errorf("%s by %s, want %s", id, got, by)
		}
	}
	if r := judged(t, newForge(t).withoutTPM(), TierCommunity); slices.Contains(said(r), "boot.not_evaluable") {
		t.Error("a boot log is missed where there is no quote")
	}
}

func TestAssuranceFollowsHowTheNodeWasEnrolled(t *testing.T) {
	for trust, want := range map[attest.Trust]Assurance{attest.TrustCertificate: Hardware, attest.TrustDemo: Hardware, attest.TrustUnlisted: Asserted} {
		f := newForge(t)
		f.node = func(n *attest.Node) { n.Trust = trust }
		e := f.known()
		e.AcceptDemoRootsUnsafe = true
		r, err := f.judgeWith(e, nil, f.soon(TierVerified))
		if err != nil {
			t.Fatal(err)
		}
		if got := find(t, r, "tpm.quote.ok").Assurance; got != want || capped(r, DemandHardwareRoot) != (want == Asserted) {
			t.Errorf("%s: %s, unmet %v", trust, got, r.Unmet)
		}
		id := "tpm.ek.certified"
		if want == Asserted {
			id = "tpm.ek.unlisted"
		}
		if got := find(t, r, id).Check; got != "EK certificate at enrolment" {
			t.Errorf("%s: said by %q", trust, got)
		}
	}
}

func TestChannelIsBoundOnlyByAnExporterOnBothSides(t *testing.T) {
	for name, change := range map[string]func(*forge){
		"answer": func(f *forge) { f.answer = func(a *attest.Answer) { a.Channel = nil } },
		"record": func(f *forge) { f.record = func(r *attest.Record) { r.Exporter = nil } },
	} {
		f := newForge(t)
		change(f)
		r := judged(t, f, TierVerified)
		if f := find(t, r, "channel.none"); f.Status != Warning || !capped(r, DemandChannel) {
			t.Errorf("no exporter in the %s: %s, %v", name, f.Status, r.Unmet)
		}
	}
}

func TestEvidenceByAnotherNodeIsSaidOfAudienceAndNodeRecord(t *testing.T) {
	f := newForge(t)
	f.bound = func(b *attest.Bound) { b.UEID = attest.UEIDFromKey(tlsKey) }
	r := judged(t, f, TierCommunity)
	if bad := ids(r, Contraindicated); !slices.Equal(bad, []string{"node.ueid", "ueid.audience"}) {
		t.Errorf("%v", bad)
	}
}

func TestPathOfWrongLengthIsSaidToBeThat(t *testing.T) {
	f := newForge(t)
	f.response = func(r *attest.Response) { r.Path = r.Path[:1] }
	if got := find(t, judged(t, f, TierCommunity), "batch.root").Check; got != "inclusion path" {
		t.Errorf("%q", got)
	}
}

func TestAbsenceOfWhatWasAskedIsAWarning(t *testing.T) {
	absent := func(k attest.Kind, reason attest.Reason, asked []attest.Kind, tier Tier) Status {
		f := newForge(t)
		f.challenge = func(c *attest.Challenge) { c.Kinds = asked }
		f.bound = func(b *attest.Bound) {
			for i := range b.Absent {
				b.Absent[i].Reason = attest.NotBuilt
				if b.Absent[i].What == string(k) {
					b.Absent[i].Reason = reason
				}
			}
		}
		for _, g := range judged(t, f, tier).Findings {
			if g.ID == "kind.absent" && g.Check == string(k) {
				return g.Status
			}
		}
		return ""
	}
	only := []attest.Kind{attest.KindTPM}
	for _, c := range []struct {
		what   string
		got    Status
		wanted Status
	}{
		{"asked for", absent(attest.KindGPUReport, attest.NotPresent, []attest.Kind{attest.KindGPUReport}, TierVerified), Warning},
		{"asked for, not built", absent(attest.KindGPUReport, attest.NotBuilt, []attest.Kind{attest.KindGPUReport}, TierVerified), ""},
		{"not asked for, ignored by policy", absent(attest.KindGPUReport, attest.NotPresent, only, TierVerified), ""},
		{"required by policy", absent(attest.KindHost, attest.NotPresent, only, TierVerified), Warning},
		{"expected by policy", absent(attest.KindGPU, attest.NotPresent, only, TierVerified), None},
	} {
		if c.got != c.wanted {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.wanted)
		}
	}
}

func TestRequiredKindThatIsAbsentCapsTheTier(t *testing.T) {
	r := judged(t, newForge(t), TierVerified)
	for _, k := range []string{"kind host", "kind engine"} {
		if !slices.ContainsFunc(r.Unmet, func(u Unmet) bool { return u.Demand == k && u.Finding == "kind.absent" }) {
			t.Errorf("%s: %v", k, r.Unmet)
		}
	}
}

func TestAgentAndProbeAreHeldAgainstReferences(t *testing.T) {
	file := func(b byte) *attest.FileDigest {
		return &attest.FileDigest{Size: 1, FSVerity: digest(b), SHA256: digest(b)}
	}
	stated := func(refs *References, s attest.Software) *Result {
		f := newForge(t)
		f.bound = func(b *attest.Bound) {
			b.Measurements = []attest.Measurement{{Format: attest.FormatSoftware, Bytes: f.must(attest.Marshal(s))}}
		}
		r, err := f.judgeWith(f.known(), refs, f.soon(TierCommunity))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	known := refs(t, attest.Reference{Executables: []attest.ReferenceExecutable{{Name: "hallmark-agent", Role: attest.RoleAgent, File: *file(1)},
		{Name: "hallmark-gpuprobe", Role: attest.RoleProbe, File: *file(2)}}})
	for name, c := range map[string]struct {
		refs             *References
		said             attest.Software
		matches, unknown int
	}{
		"both as referenced": {known, attest.Software{Agent: file(1), Probe: file(2)}, 2, 0},
		"another agent":      {known, attest.Software{Agent: file(3), Probe: file(2)}, 1, 1},
		"another probe":      {known, attest.Software{Agent: file(1), Probe: file(3)}, 1, 1},
		"roles swapped":      {known, attest.Software{Agent: file(2), Probe: file(1)}, 0, 2},
		"no probe":           {known, attest.Software{Agent: file(1)}, 1, 0},
		"no references":      {nil, attest.Software{Agent: file(1), Probe: file(2)}, 0, 0},
	} {
		r, got := stated(c.refs, c.said), map[string]int{}
		for _, f := range r.Findings {
			got[f.ID]++
		}
		if got["agent.executable.match"] != c.matches || got["agent.executable.unknown"] != c.unknown || !r.Accepted {
			t.Errorf("%s: %v, accepted %v", name, got, r.Accepted)
		}
	}
}

func TestGPUsWithoutIdentifiersAreNotDuplicates(t *testing.T) {
	f := newForge(t)
	c, err := gpu.Parse(readTestdata(t, "../gpu/testdata/h100-sxm-8.cbor"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.GPUs {
		c.GPUs[i].UUID, c.GPUs[i].Serial = nil, nil
	}
	c.Absent = append(c.Absent, attest.Absent("gpu[*].serial", attest.NotSupported, ""), attest.Absent("gpu[*].uuid", attest.NotSupported, ""))
	slices.SortFunc(c.Absent, func(a, b attest.Absence) int { return strings.Compare(a.What, b.What) })
	f.claims[attest.KindGPU] = f.must(attest.Marshal(c))
	if r := judged(t, f, TierCommunity); !r.Accepted || len(ids(r, Contraindicated)) > 0 {
		t.Errorf("%v", ids(r, Contraindicated))
	}
}

func TestTPMClassIsTheEnrolledOneUnlessTheDeviceSaysVirtual(t *testing.T) {
	for _, c := range []struct {
		device, class, seen string
		status              Status
	}{
		{"/dev/tpmrm0", "discrete", "discrete", None},
		{"/dev/tpmrm0", "virtual", "virtual: /dev/tpmrm0", Warning},
		{"unix:/run/swtpm", "discrete", "virtual: unix:/run/swtpm", Warning},
		{"unix:", "discrete", "virtual: unix:", Warning},
		{"u", "firmware", "firmware", None},
	} {
		f := newForge(t)
		f.tpmClaims = func(x *tpm.Claims) { x.Device = c.device }
		f.node = func(n *attest.Node) { n.TPM.Class = c.class }
		r := judged(t, f, TierCommunity)
		if got := find(t, r, "tpm.class"); got.Status != c.status || got.Seen != c.seen {
			t.Errorf("%s, %s: %+v", c.device, c.class, got)
		}
		if virtual := strings.Contains(r.Ceiling, "The TPM is virtual"); virtual != (c.status == Warning) {
			t.Errorf("%s: ceiling %q", c.class, r.Ceiling)
		}
	}
	f := newForge(t)
	r, err := f.judgeWith(Endorsements{Validator: &f.validator.PublicKey}, nil, f.soon(TierCommunity))
	if err != nil || find(t, r, "tpm_class.not_evaluable").Seen != "unknown" {
		t.Errorf("not enrolled: %+v, %v", r.Findings, err)
	}
}
