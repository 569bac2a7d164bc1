package gpu

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestEveryKeyAndNameIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../docs/kinds/gpu.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for typ := range plans {
		for i := range typ.NumField() {
			key, _, _ := strings.Cut(typ.Field(i).Tag.Get("cbor"), ",")
			if key != "" && !strings.Contains(page, "`"+key+"`") && !strings.Contains(page, "`"+key+"[...]`") {
				t.Errorf("%s.%s: key %q is not in docs/kinds/gpu.md", typ, typ.Field(i).Name, key)
			}
		}
	}
	for _, s := range []Set{Virtualization, RemoteType, Ancestor, P2PStatus, FabricState, FabricHealth, CPUCapability, Environment, Feature, MultiGPUMode} {
		for _, n := range s.Names() {
			if !strings.Contains(page, "`"+n+"`") {
				t.Errorf("name %q is not in docs/kinds/gpu.md", n)
			}
		}
	}
	if len(plans) < 10 || plans[reflect.TypeFor[Device]()] == nil {
		t.Errorf("%d types found", len(plans))
	}
}
