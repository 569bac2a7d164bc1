package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	// banned are go-nvml's names of calls that set, or that wait by design.
	banned   = regexp.MustCompile(`^(Device|System|Gpm|GpuInstance|ComputeInstance|Vgpu|Unit)?(Set|Reset|Clear|Modify|Remove|Create|Destroy|Freeze|Enable|Disable|Discover|Validate|Activate)[A-Z]|Get(PcieThroughput|Samples|ProcessUtilization|ViolationStatus|VgpuUtilization)`)
	symbol   = regexp.MustCompile(`^nvml[A-Z]\w+$`)
	notSweep = map[string]bool{"identity.go": true, "state.go": true, "power.go": true, "thermal.go": true, "link.go": true,
		"process.go": true, "system.go": true, "field.go": true, "ask.go": true, "library.go": true, "symbols.go": true}
)

// TestNothingSetsOrBlocks goes through the sources: whoever adds such a call to the
// probe, for whatever part of it, has to come by here.
func TestNothingSetsOrBlocks(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if banned.MatchString(n.Sel.Name) && n.Sel.Name != "SetOutput" { // of package flag
					t.Errorf("%s: %s", name, n.Sel.Name)
				}
			case *ast.BasicLit:
				s, err := strconv.Unquote(n.Value)
				if err == nil && symbol.MatchString(s) && !notSweep[name] {
					used[s] = true
					if sweepSymbols[s] == "" {
						t.Errorf("%s: %s is not in sweepSymbols", name, s)
					}
				}
			}
			return true
		})
	}
	for _, s := range []string{"nvmlDeviceGetFieldValues", "nvmlEventSetWait_v2", "nvmlGpmSampleGet", "nvmlDeviceGetPowerUsage"} {
		if !used[s] {
			t.Errorf("%s was not found in the sources: the test looks in the wrong place", s)
		}
	}
}

func TestBannedNames(t *testing.T) {
	for _, n := range []string{"SetPowerManagementLimit", "DeviceSetGpuLockedClocks", "ResetNvLinkErrorCounters", "GetPcieThroughput", "GpmSetStreamingEnabled", "ClearFieldValues", "CreateGpuInstance", "GetSamples"} {
		if !banned.MatchString(n) {
			t.Errorf("%s would pass", n)
		}
	}
	for _, n := range []string{"EventSetCreate", "EventSetWait", "GetFieldValues", "RegisterEvents", "GpmSampleGet"} {
		if banned.MatchString(n) {
			t.Errorf("%s would not pass", n)
		}
	}
}

// TestOneFieldValuesCall holds the sweep to one batched call a GPU.
func TestOneFieldValuesCall(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "sweepvalues.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "GetFieldValues" {
			calls++
		}
		return true
	})
	if calls != 1 {
		t.Errorf("%d calls in the source, want 1 outside any loop", calls)
	}
}
