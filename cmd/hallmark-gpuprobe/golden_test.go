package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// TestClaimsLookAsTheyDid shows every key of the format with the value of a
// simulated 8 x H100 host; what time changes is masked.
func TestClaimsLookAsTheyDid(t *testing.T) {
	h := newHost(t, nvml.Full, nvml.Conf{Load: 60, Seed: 7, Processes: []nvml.Process{
		{GPU: 0, PID: 4242, Bytes: 70 << 30, Kind: "compute"},
	}})
	b, err := attest.Marshal(h.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("8 x H100: %d bytes of CBOR", len(b))
	got := view(t, b)
	path := filepath.Join("testdata", "h100-sxm-8.json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		// The same claims as bytes, for the tests of package gpu.
		if err := os.WriteFile(filepath.Join("..", "..", "gpu", "testdata", "h100-sxm-8.cbor"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("claims changed (-want +got), write with -update:\n%s", d)
	}
}

// view decodes CBOR without knowing the Go types and writes it as JSON, one line
// for each map that holds no other.
func view(t *testing.T, b []byte) []byte {
	t.Helper()
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := mode.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	v["obtained_at"] = "MASKED"
	for _, g := range v["gpu"].([]any) {
		g.(map[string]any)["power"].(map[string]any)["energy_mj"] = "MASKED"
	}
	var out bytes.Buffer
	write(&out, v, "")
	out.WriteByte('\n')
	if !json.Valid(out.Bytes()) {
		t.Fatal("the view is not JSON")
	}
	return out.Bytes()
}

func write(out *bytes.Buffer, v any, indent string) {
	inner := indent + "  "
	switch v := v.(type) {
	case map[string]any:
		if flat(v) {
			break
		}
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var b bytes.Buffer
			write(&b, v[k], inner)
			parts = append(parts, fmt.Sprintf("%s%q: %s", inner, k, b.String()))
		}
		fmt.Fprintf(out, "{\n%s\n%s}", strings.Join(parts, ",\n"), indent)
		return
	case []any:
		if len(v) == 0 {
			break
		}
		var parts []string
		for _, e := range v {
			var b bytes.Buffer
			write(&b, e, inner)
			parts = append(parts, inner+b.String())
		}
		fmt.Fprintf(out, "[\n%s\n%s]", strings.Join(parts, ",\n"), indent)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // decoded CBOR of text, integers and booleans
	}
	out.Write(b)
}

func flat(m map[string]any) bool {
	for _, v := range m {
		switch v.(type) {
		case map[string]any, []any:
			return false
		}
	}
	return true
}
