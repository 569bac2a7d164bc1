package agent

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/attest/tdx"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
)

// TestDisclosureNamesEveryKeyOfEveryKind holds docs/disclosure.md against the
// claims as they are coded: a new key that leaves the host must be told there.
func TestDisclosureNamesEveryKeyOfEveryKind(t *testing.T) {
	b, err := os.ReadFile("../docs/disclosure.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(b), "\n## ")
	for kind, typ := range map[string]reflect.Type{"host": reflect.TypeFor[host.Claims](), "gpu": reflect.TypeFor[gpu.Claims](),
		"engine": reflect.TypeFor[engine.Claims](), "tpm": reflect.TypeFor[tpm.Claims](), "roots": reflect.TypeFor[tpm.Quote](),
		"tdx": reflect.TypeFor[tdx.Claims](), "telemetry": reflect.TypeFor[telemetry.Claims]()} {
		text := ""
		for _, s := range sections {
			if strings.HasPrefix(s, "Kind `"+kind+"`") || kind == "telemetry" && strings.HasPrefix(s, "Telemetry") || strings.HasPrefix(s, "Quotes (`"+kind+"`)") {
				text = s
			}
		}
		if text == "" {
			t.Errorf("no section about %s", kind)
			continue
		}
		var missing []string
		for key := range claimKeys(typ, map[reflect.Type]bool{}) {
			if !strings.Contains(text, "`"+key+"`") {
				missing = append(missing, key)
			}
		}
		slices.Sort(missing)
		if len(missing) > 0 {
			t.Errorf("%s: not named: %s", kind, strings.Join(missing, " "))
		}
	}
}

// TestDisclosureNamesEveryRequest: whoever can ask for something stands in the table of who can ask.
func TestDisclosureNamesEveryRequest(t *testing.T) {
	b, err := os.ReadFile("../docs/disclosure.md")
	if err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(string(b), "## What never leaves")
	for _, rt := range routeTable {
		if !strings.Contains(table, "`"+rt.method+" "+rt.path+"`") && !strings.Contains(table, "`"+rt.path+"`") {
			t.Errorf("%s %s: not named", rt.method, rt.path)
		}
	}
}

// claimKeys lists the text keys of t and everything inside it.
func claimKeys(t reflect.Type, seen map[reflect.Type]bool) map[string]bool {
	keys := map[string]bool{}
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Array {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return keys
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
		if name != "" && name != "-" {
			keys[name] = true
		}
		for k := range claimKeys(f.Type, seen) {
			keys[k] = true
		}
	}
	return keys
}
