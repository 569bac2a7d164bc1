package rules

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/rules.md anew")

const (
	page  = "../../docs/rules.md"
	begin = "<!-- from here on written by go test ./verify/rules -run TestPage -update -->\n"
)

// comments are the doc comments of the rules, by id.
func comments(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range All() {
		file := strings.ToLower(r.ID) + ".go"
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && g.Doc != nil && strings.HasPrefix(g.Doc.Text(), r.ID+":") {
				out[r.ID] = g.Doc.Text()
			}
		}
	}
	return out
}

// The page says what the code says: the doc comment of each rule, and the built-in limits.
func TestPageHasEveryRule(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(b), begin)
	if !ok {
		t.Fatal("no mark in " + page)
	}
	docs := comments(t)
	var s strings.Builder
	s.WriteString(head + begin)
	for _, r := range All() {
		doc := docs[r.ID]
		if doc == "" {
			t.Fatalf("%s has no doc comment of its own file", r.ID)
		}
		title, rest, _ := strings.Cut(strings.TrimPrefix(doc, r.ID+": "), "\n")
		fmt.Fprintf(&s, "\n### %s: %s\n\n%s %s\n", r.ID, strings.TrimSuffix(title, "."), r.Sentence, kindWords(r))
		code := false
		for line := range strings.Lines(strings.Trim(rest, "\n") + "\n") {
			indented := strings.HasPrefix(line, "\t")
			if indented != code && !(code && strings.TrimSpace(line) == "") {
				if !code {
					s.WriteString("\n")
				}
				s.WriteString("```\n")
				code = indented
			} else if strings.TrimSpace(line) == "" && code {
				continue
			}
			s.WriteString(strings.TrimPrefix(line, "\t"))
		}
		if code {
			s.WriteString("```\n")
		}
		fmt.Fprintf(&s, "\nHonest nodes: %s\n\nReads: %s.\n\n", r.Honest, strings.Join(r.Reads, ", "))
		s.WriteString("| limit | violated | unit | rests on |\n|---|---|---|---|\n")
		for _, l := range DefaultCalibration().Limits {
			if l.Rule == r.ID {
				fmt.Fprintf(&s, "| `%s` | %s %g | %s | %s: %s |\n", l.Name, strings.ReplaceAll(l.Bad, "<", "&lt;"), l.Value, l.Unit, l.Status, l.Source)
			}
		}
	}
	s.WriteString("\n## Hypotheses\n\n| name | says | an honest cause |\n|---|---|---|\n")
	for _, h := range hypotheses {
		fmt.Fprintf(&s, "| `%s` | %s | %s |\n", h.Name, h.Sentence, h.Honest)
	}
	if *update {
		if err := os.WriteFile(page, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if s.String() != string(b) {
		t.Error("docs/rules.md is not what the code says; run: go test ./verify/rules -run TestPage -update")
	}
}

func kindWords(r Rule) string {
	s := fmt.Sprintf("(Group %s; %s", r.Group, r.Kind)
	if r.Capacity {
		s += "; about capacity or absence, so it never weighs"
	}
	return s + ".)"
}
