package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/engine"
)

func TestEachUnmetDemandIsSaidOnceAndExplained(t *testing.T) {
	r := judged(t, newForge(t).withoutTPM(), TierConfidential)
	seen := map[string]bool{}
	for _, u := range r.Unmet {
		if seen[u.Demand] {
			t.Errorf("%s twice", u.Demand)
		}
		seen[u.Demand] = true
		if f := find(t, r, u.Finding); f.Sentence == "" || f.Status == Contraindicated {
			t.Errorf("%s is explained as %+v", u.Demand, f)
		}
	}
	n := map[string]int{}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Check, "demand ") {
			n[f.ID]++
		}
	}
	for id, times := range n {
		if times != 1 {
			t.Errorf("%s explained %d times", id, times)
		}
	}
	for id, want := range map[string]Status{"gpu_reports.not_evaluable": None, "quote.none": Warning, "root.none": Warning} {
		if f := find(t, r, id); f.Status != want || !strings.HasPrefix(f.Check, "demand ") {
			t.Errorf("%s: %+v, want %s", id, f, want)
		}
	}
	// What an earlier stage said is not explained again.
	f := newForge(t)
	f.answer = func(a *attest.Answer) { a.Channel = nil }
	if r := judged(t, f, TierVerified); n["channel.none"] > 0 || strings.HasPrefix(find(t, r, "channel.none").Check, "demand ") ||
		slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.ID == "channel.none" && strings.HasPrefix(f.Check, "demand ") }) {
		t.Error("channel.none is said twice")
	}
	twice := explain([]Unmet{{TierVerified, "kind host", "kind.absent"}, {TierVerified, "kind engine", "kind.absent"}}, nil)
	if len(twice) != 1 {
		t.Errorf("one finding for two demands: %+v", twice)
	}
	if r.Unmet[0].Tier != TierVerified {
		t.Errorf("%+v: the lowest tier comes first", r.Unmet[0])
	}
}

func TestTiersAboveTheAskedOneAreNotReported(t *testing.T) {
	r := judged(t, newForge(t), TierVerified)
	for _, u := range r.Unmet {
		if rank(u.Tier) > rank(TierVerified) {
			t.Errorf("%+v", u)
		}
	}
}

// Without a node record community alone may be reached, and no other demand is excused by it.
func TestMissingNodeRecordExcusesTheEnrolledKeyAtCommunityOnly(t *testing.T) {
	f := newForge(t)
	v := f.verifier(t, f.known(), nil)
	unmet := demandEntry{DemandEnrolledKey, []string{"node.not_given"}, func(*CrossChecked) bool { return false }}
	other := demandEntry{DemandChannel, []string{"channel.none"}, func(*CrossChecked) bool { return false }}
	without := &CrossChecked{Appraised: &Appraised{auth: &Authenticated{}}}
	with := &CrossChecked{Appraised: &Appraised{auth: &Authenticated{node: &attest.Node{}}}}
	for _, c := range []struct {
		what string
		got  bool
		want bool
	}{
		{"no record, community", v.met(TierCommunity, unmet, without), true},
		{"no record, verified", v.met(TierVerified, unmet, without), false},
		{"record, community", v.met(TierCommunity, unmet, with), false},
		{"another demand", v.met(TierCommunity, other, without), false},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.what, c.got)
		}
	}
}

func TestPrimaryIsTheFirstContradictionElseTheFirstLack(t *testing.T) {
	f := newForge(t)
	f.answer = func(a *attest.Answer) { a.Channel = nil }
	r := judged(t, f, TierVerified)
	if p, ok := r.Primary(); !ok || p.ID != r.Unmet[0].Finding || p.ID != "channel.none" {
		t.Errorf("%+v, %v, unmet %v", p, ok, r.Unmet)
	}
	if p, ok := judged(t, newForge(t), TierCommunity).Primary(); ok {
		t.Errorf("nothing speaks against it: %+v", p)
	}
}

// Text of the node reaches terminals through findings.
func TestFindingsCutHostileText(t *testing.T) {
	for in, want := range map[string]string{"a\x1b[2Jb\nc\x7fd\u0085e": "a [2Jb c d e", "ä€": "ä€", " ~": " ~", "\u00a0": "\u00a0", "a\u202eb\u200bc": "a b c", strings.Repeat("x", 299): strings.Repeat("x", 299)} {
		if got := clip(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := clip(strings.Repeat("é", 1000)); got != strings.Repeat("é", 300)+"…" {
		t.Errorf("%d bytes", len(got))
	}
}

func TestReferenceOfTakesWhatAnAcceptedAnswerStates(t *testing.T) {
	software := attest.Software{Agent: &attest.FileDigest{Size: 1, FSVerity: digest(1)}, Probe: &attest.FileDigest{Size: 2, FSVerity: digest(2)}}
	reference := func(s attest.Software, change func(*forge, *engine.Engine)) (*attest.Reference, error) {
		f, e := newForge(t), serving(t)
		if change != nil {
			change(f, e)
		}
		f.claims[attest.KindEngine] = f.must(attest.Marshal(engine.Claims{ObtainedAt: ms(f.at), How: "procfs", Engines: []engine.Engine{*e}}))
		if f.bound == nil {
			f.bound = func(b *attest.Bound) {
				b.Measurements = []attest.Measurement{{Format: attest.FormatSoftware, Bytes: f.must(attest.Marshal(s))}}
			}
		}
		return f.verifier(t, f.known(), nil).ReferenceOf(f.make(), f.soon(TierCommunity))
	}
	ref, err := reference(software, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range ref.Executables {
		names = append(names, string(e.Role)+" "+e.Name)
	}
	if len(ref.Models) != 1 || ref.Models[0].Name != "llama" || ref.Models[0].Files != 2 || ref.Models[0].Size != 7 ||
		!slices.Equal(names, []string{"engine server", "library libx.so", "agent hallmark-agent", "probe hallmark-gpuprobe"}) {
		t.Errorf("%+v, %v", ref.Models, names)
	}
	for name, c := range map[string]struct {
		change              func(*forge, *engine.Engine)
		models, executables int
		name                string
	}{
		"undeclared name": {func(_ *forge, e *engine.Engine) { e.Declared.Model = "" }, 1, 2, "m"},
		"two models": {func(_ *forge, e *engine.Engine) {
			e.Models = append(e.Models, e.Models[0])
			e.Models[1].Path = "/n"
		}, 2, 2, "llama"},
		"incomplete model":     {func(_ *forge, e *engine.Engine) { e.Models[0].Complete, e.Models[0].Digest = false, nil }, 0, 2, ""},
		"no process":           {func(_ *forge, e *engine.Engine) { e.Process = nil }, 1, 1, "llama"},
		"executable not known": {func(_ *forge, e *engine.Engine) { e.Process.Exe = nil }, 1, 1, "llama"},
		"library not measured": {func(_ *forge, e *engine.Engine) { e.Libraries[0].FileDigest = engine.FileDigest{} }, 1, 1, "llama"},
	} {
		ref, err := reference(attest.Software{}, c.change)
		if err != nil || len(ref.Models) != c.models || len(ref.Executables) != c.executables || c.models > 0 && ref.Models[0].Name != c.name {
			t.Errorf("%s: %+v, %v", name, ref, err)
		}
	}
}

func TestReferenceOfRefusesWhatWasNotAcceptedOrStatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*forge)
		want   string
	}{
		"refused by open":         {func(f *forge) { f.record = func(r *attest.Record) { r.Sent -= 10 } }, "freshness.order"},
		"refused by authenticate": {func(f *forge) { f.bound = func(b *attest.Bound) { b.Root = tlsKey } }, "batch.root"},
		"refused by appraise":     {func(f *forge) { f.claims["engine"] = []byte{0xa0} }, "claims.malformed"},
		"states nothing":          {func(*forge) {}, "states no measured model, no program, no boot log and no measured file"},
	} {
		f := newForge(t)
		c.change(f)
		if ref, err := f.verifier(t, f.known(), nil).ReferenceOf(f.make(), f.soon(TierCommunity)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v", name, ref, err)
		}
	}
}
