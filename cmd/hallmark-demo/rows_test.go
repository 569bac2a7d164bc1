package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-attest/hallmark/internal/sim/attacker"
	"github.com/hallmark-attest/hallmark/verify"
)

func TestRowIsOKOnlyForTheExpectedEnd(t *testing.T) {
	for _, c := range []struct {
		name, expect string
		verdict      attacker.Verdict
		ok           bool
	}{
		{"the stated finding", "batch.root", attacker.Verdict{Finding: "batch.root"}, true},
		{"another finding", "batch.root", attacker.Verdict{Finding: "evidence.signature"}, false},
		{"an accepted attack", "batch.root", attacker.Verdict{Accepted: true}, false},
		{"accepted although the finding is there", "batch.root", attacker.Verdict{Accepted: true, Finding: "batch.root"}, false},
		{"no finding", "batch.root", attacker.Verdict{}, false},
		{"an accepted honest node", "", attacker.Verdict{Accepted: true, Tier: "verified"}, true},
		{"an honest node that is taken for more", "", attacker.Verdict{Accepted: true, Tier: "enterprise"}, false},
		{"a refused honest node", "", attacker.Verdict{Finding: "batch.root"}, false},
	} {
		r := newRow("who", "does", c.expect, c.verdict, "", time.Millisecond)
		if r.OK != c.ok {
			t.Errorf("%s: ok %v", c.name, r.OK)
		}
		if err := report(io.Discard, io.Discard, []row{r}, 0, flags{}); errors.Is(err, errSurprise) == c.ok {
			t.Errorf("%s: report says %v", c.name, err)
		}
	}
}

func TestAttacksHaveNamesOfTheirOwnAndRegisteredFindings(t *testing.T) {
	names := map[string]bool{}
	for _, a := range attacker.Attacks() {
		if names[a.Name] || a.Does == "" {
			t.Errorf("%q: named twice, or without a sentence", a.Name)
		}
		names[a.Name] = true
		if (a.Expect == "") == (a.Unseen == "") {
			t.Errorf("%s: wants either a finding or the reason why there is none", a.Name)
		}
		if a.Unseen != "" {
			continue
		}
		if e, ok := verify.EntryOf(a.Expect); !ok || (e.Worst == verify.Contraindicated) == a.Caps {
			t.Errorf("%s: %q is no finding that refuses", a.Name, a.Expect)
		}
	}
}

func TestChooseRefusesUnknownAttacks(t *testing.T) {
	if _, err := choose([]string{"relayed", "charm"}); err == nil || !strings.Contains(err.Error(), `"charm"`) || !strings.Contains(err.Error(), "edited-claims") {
		t.Error(err)
	}
	if got, err := choose([]string{"relayed", "edited-claims"}); err != nil || len(got) != 2 || got[0].Name != "relayed" {
		t.Error(got, err)
	}
}

func TestKeepRefusesToOverwriteAKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/"+keptKey, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := prepareKeep(dir); err == nil {
		t.Error("a folder with a key was taken")
	}
}

// TestNumberOfAttacksIsTold: a number in prose falls behind with the next attack.
func TestNumberOfAttacksIsTold(t *testing.T) {
	want := fmt.Sprintf(" %d attacks", len(attacker.Attacks()))
	for _, name := range []string{"../../docs/demo.md", "../../CHANGELOG.md", "../../README.md"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), want) {
			t.Errorf("%s does not say%s", name, want)
		}
	}
}

func TestDemoPageExplainsEveryAttack(t *testing.T) {
	b, err := os.ReadFile("../../docs/demo.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range attacker.Attacks() {
		found := false
		for line := range strings.Lines(string(b)) {
			ends := "`" + a.Expect + "`"
			if a.Unseen != "" {
				ends = "not seen"
			}
			found = found || strings.Contains(line, "`"+a.Name+"`") && strings.Contains(line, ends)
		}
		if !found {
			t.Errorf("docs/demo.md has no line with `%s` and its end %q", a.Name, a.Expect)
		}
	}
}

func TestAttacksNamedInTheThreatModelExist(t *testing.T) {
	b, err := os.ReadFile("../../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("demo `([^`]+)`").FindAllStringSubmatch(string(b), -1)
	if len(named) == 0 {
		t.Error("the threat model names no attack of the demo")
	}
	for _, m := range named {
		if _, err := choose([]string{m[1]}); err != nil {
			t.Error(err)
		}
	}
}
