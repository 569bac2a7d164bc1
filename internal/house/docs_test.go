package house

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// TestThreatModelNamesTestsThatExist: a row of the threat model whose test is gone protects nobody.
func TestThreatModelNamesTestsThatExist(t *testing.T) {
	doc := read(t, "docs/threat-model.md")
	for _, m := range regexp.MustCompile("`([a-z/-]+): (Test[A-Za-z0-9]+)(\\*?)`").FindAllStringSubmatch(doc, -1) {
		want := "func " + m[2]
		if m[3] == "" {
			want += "("
		}
		if !inFolder(t, m[1], want) {
			t.Errorf("docs/threat-model.md names %s: %s%s, which does not exist", m[1], m[2], m[3])
		}
	}
	for _, m := range regexp.MustCompile("vectors? `([a-z-]+)(\\*?)`").FindAllStringSubmatch(doc, -1) {
		found, err := filepath.Glob(filepath.Join(root, "testdata/vectors", m[1]+m[2]+".vec"))
		if err != nil || len(found) == 0 {
			t.Errorf("docs/threat-model.md names vector %s%s, which does not exist", m[1], m[2])
		}
	}
	for _, m := range regexp.MustCompile("demo `([a-z-]+)`").FindAllStringSubmatch(doc, -1) {
		if !inFolder(t, "internal/sim/attacker", `"`+m[1]+`"`) {
			t.Errorf("docs/threat-model.md names the attack %s, which the demo does not have", m[1])
		}
	}
}

// TestLinksBetweenDocumentsLead: relative links in Markdown files point at something.
func TestLinksBetweenDocumentsLead(t *testing.T) {
	out, err := exec.Command("git", "-C", root, "ls-files", "*.md").Output()
	if err != nil {
		t.Skipf("no git here: %v", err)
	}
	for _, file := range strings.Fields(string(out)) {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(read(t, file), -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func inFolder(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
			return true
		}
	}
	return false
}

// TestReadmeShowsAttacksTheDemoHas: each row of the README's transcript is an attack of that name with that finding.
func TestReadmeShowsAttacksTheDemoHas(t *testing.T) {
	attacks := read(t, "internal/sim/attacker/attacks.go")
	rows := regexp.MustCompile(`(?m)^([a-z-]+) +refused \(none\) +([a-z_.]+) `).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(rows) < 5 {
		t.Fatalf("the README shows %d attacks", len(rows))
	}
	for _, m := range rows {
		if !regexp.MustCompile(`"` + m[1] + `", "[^"]*", "` + regexp.QuoteMeta(m[2]) + `"`).MatchString(attacks) {
			t.Errorf("the README shows %s ending with %s; the demo does not", m[1], m[2])
		}
	}
}

// TestPagesThatCommandsNameArePackaged: help that sends people to a page which the package lacks sends them nowhere.
func TestPagesThatCommandsNameArePackaged(t *testing.T) {
	description := read(t, "packaging/nfpm.yaml")
	for _, pattern := range []string{"cmd/hallmark/*.go", "cmd/hallmark-agent/*.go", "packaging/agent.yaml", "systemd/*"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?:docs|share/doc/hallmark)/((?:kinds/)?[a-z-]+\.(?:md|conf|yaml))`).FindAllStringSubmatch(string(b), -1) {
				if !strings.Contains(description, "dst: /usr/share/doc/hallmark/"+m[1]+",") && !strings.HasPrefix(m[1], "kinds/") {
					t.Errorf("%s names %s, which the packages do not have", f, m[1])
				}
			}
		}
	}
	if !strings.Contains(description, `src: "docs/kinds/*.md", dst: /usr/share/doc/hallmark/kinds/,`) {
		t.Error("the pages of kinds are not packaged")
	}
}
