package stats

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// beyond is what the schema's description says that it cannot say.
var beyond = regexp.MustCompile(`stands twice|epoch: starts after its end|repeats_min: above|its ends are reversed|not among the stats|not printable|bytes, limit`)

// TestSchemaAndReaderAgree changes records in one place each, in every place, and has both judge them.
func TestSchemaAndReaderAgree(t *testing.T) {
	s := readSchema(t)
	replacements := []any{"", "x", "X y", "1", "sha256:", strings.Repeat("x", 1025), strings.Repeat("é", 600), "\u202e", 0., 1., -1., 1.5, 5e8, 1e13, 1e16, 1e300, true, false, nil,
		[]any{}, []any{1.}, []any{2., 1.}, []any{1., 2., 3.}, []any{"x"}, []any{"slow", "slow"}, map[string]any{}, map[string]any{"x": 1.}, map[string]any{"X": 1.}, map[string]any{"x": "y"}}
	replacements = append(replacements, wordsOf(t)...)
	judged, refused := 0, 0
	for _, file := range []string{"gaia.json", "full.json", "outcomes.json"} {
		b, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		judge := func(what string) {
			b, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			judged++
			_, readErr := Parse(b)
			bySchema := s.valid(s.root, doc)
			if readErr != nil {
				refused++
			}
			switch {
			case !bySchema && readErr == nil:
				t.Errorf("%s: %s: the schema refuses what the reader takes", file, what)
			case bySchema && readErr != nil && !beyond.MatchString(readErr.Error()):
				t.Errorf("%s: %s: the schema takes what the reader refuses: %v", file, what, readErr)
			}
		}
		judge("as it is")
		if _, err := Parse(b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		change(doc, file, replacements, nil, judge)
	}
	t.Logf("%d records, %d refused", judged, refused)
}

// wordsOf are the words that stand somewhere in a record: they change what else must.
func wordsOf(t *testing.T) (out []any) {
	for _, list := range constants(t) {
		for _, w := range list {
			out = append(out, w)
		}
	}
	for _, w := range []string{"t", "energy", "error_rate", "sigma", "ms"} {
		out = append(out, w)
	}
	return out
}

// change puts each replacement in each place below v, leaves each member out and
// adds one, and calls judge each time; set puts back what stood there.
func change(v any, path string, with []any, set func(any), judge func(string)) {
	if set != nil {
		for _, r := range with {
			set(r)
			judge(fmt.Sprintf("%s = %.40v", path, r))
		}
		set(v)
	}
	switch v := v.(type) {
	case map[string]any:
		v["unknown_member"] = 1.
		judge(path + "/unknown_member")
		delete(v, "unknown_member")
		for _, k := range slices.Sorted(maps.Keys(v)) {
			e := v[k]
			delete(v, k)
			judge(path + "/" + k + " left out")
			v[k] = e
			change(e, path+"/"+k, with, func(r any) { v[k] = r }, judge)
		}
	case []any:
		for i, e := range v {
			change(e, fmt.Sprintf("%s/%d", path, i), with, func(r any) { v[i] = r }, judge)
		}
	}
}
