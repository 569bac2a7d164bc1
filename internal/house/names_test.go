package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// selections bound what a package may name of another one that it imports.
var selections = []struct {
	pkg, of, why string
	names        []string
}{
	{"internal/sim/honest", "verify/rules", "the noise of honest nodes must not read the limits that it is held against",
		[]string{"Assurance", "Asserted", "Measured", "Hardware", "Validator", "Source", "Input", "Engine", "Declared", "Precision", "ModelFacts", "Matches", "Different", "Unknown",
			"GPU", "Stat", "Telemetry", "Coverage", "Clock", "Node", "Confidential"}},
	{"internal/sim/honest", "verify/stretch", "it measures what it draws, and knows no rule's segments or pauses",
		[]string{"Stretch", "Entry"}},
}

func TestPackagesNameOnlyWhatTheyMay(t *testing.T) {
	for _, s := range selections {
		files, err := filepath.Glob(filepath.Join(root, s.pkg, "*.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("package %s is gone: update the table", s.pkg)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				if i.Path.Value == strconv.Quote(module+s.of) && i.Name != nil {
					t.Errorf("%s imports %s under another name: the table reads the usual one", name, s.of)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == path.Base(s.of) && !slices.Contains(s.names, sel.Sel.Name) {
					t.Errorf("%s names %s.%s: %s", name, x.Name, sel.Sel.Name, s.why)
				}
				return true
			})
		}
	}
}
