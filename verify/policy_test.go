package verify

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestPolicyRefusesWhatLeavesAnythingUnanswered(t *testing.T) {
	good, err := policyFiles.ReadFile("policy/verified.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseTierPolicy(good); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"kind left out":     strings.Replace(string(good), "  gpu: expected\n", "", 1),
		"demand left out":   strings.Replace(string(good), "  quote: required\n", "", 1),
		"unknown kind":      strings.Replace(string(good), "  gpu: expected", "  gpus: expected", 1),
		"unknown answer":    strings.Replace(string(good), "quote: required", "quote: maybe", 1),
		"expected demand":   strings.Replace(string(good), "quote: required", "quote: expected", 1),
		"unknown tier":      strings.Replace(string(good), "tier: verified", "tier: golden", 1),
		"unknown top key":   string(good) + "extra: 1\n",
		"duplicate top key": string(good) + "tier: verified\n",
		"not yaml":          "\t{",
	} {
		if bad == string(good) {
			t.Fatalf("%s: the test changes nothing", name)
		}
		if _, err := ParseTierPolicy([]byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestNoPolicyMaySkipTheFourBasicDemands(t *testing.T) {
	for _, d := range []Demand{DemandSignature, DemandFresh, DemandEnrolledKey, DemandNoContradiction} {
		p, err := DefaultPolicy()
		if err != nil {
			t.Fatal(err)
		}
		p[TierCommunity].Demands[d] = Ignored
		if p.check() == nil {
			t.Errorf("a policy that ignores %s passed", d)
		}
	}
}

// TestFormatListsEveryFinding holds docs/format.md's list against the registry; -update writes it.
func TestFormatListsEveryFinding(t *testing.T) {
	const path, begin, end = "../docs/format.md", "-update` -->\n", "<!-- end of findings -->"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	want.WriteString("| id | stage | worst | rests on | meaning |\n|---|---|---|---|---|\n")
	for _, e := range Registry() {
		want.WriteString("| `" + e.ID + "` | " + e.Stage + " | " + string(e.Worst) + " | " + e.Soundness + " | " + e.Sentence + " |\n")
	}
	head, rest, ok := bytes.Cut(doc, []byte(begin))
	got, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatal("docs/format.md has lost its markers")
	}
	if bytes.Equal(got, want.Bytes()) {
		return
	}
	if !*update {
		t.Fatal("docs/format.md lists other findings than the registry; run: go test ./verify -run TestFormatListsEveryFinding -update")
	}
	out := bytes.Join([][]byte{head, []byte(begin), want.Bytes(), []byte(end), tail}, nil)
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRegistryIdsAreUniqueAndExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Registry() {
		if seen[e.ID] || e.Sentence == "" || !strings.HasSuffix(e.Sentence, ".") {
			t.Errorf("%s: twice, or without a sentence", e.ID)
		}
		seen[e.ID] = true
	}
	for _, d := range demands {
		for _, id := range d.findings {
			if !seen[id] {
				t.Errorf("demand %s is explained by %s, which is not in the registry", d.name, id)
			}
		}
	}
}

// TestTiersPageNamesEveryUnevaluableDemand: what nobody can meet yet is said in docs/tiers.md, and nothing else.
func TestTiersPageNamesEveryUnevaluableDemand(t *testing.T) {
	doc, err := os.ReadFile("../docs/tiers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "In this version these are ")
	list, _, ok2 := strings.Cut(rest, ", so no node")
	if !ok || !ok2 {
		t.Fatal("docs/tiers.md has lost its list")
	}
	for _, d := range demands {
		said := strings.Contains(list, "`"+string(d.name)+"`")
		if open := len(d.findings) == 1 && strings.HasSuffix(d.findings[0], ".not_evaluable"); open != said {
			t.Errorf("%s: not evaluable %v, listed %v", d.name, open, said)
		}
	}
}
