package stats

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func sample(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/gaia.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCanonicalFormIsOne(t *testing.T) {
	r, err := Parse(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	form, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	const begins = `{"decision":"outlier","embedding":{"dimensions":768,`
	if !bytes.HasPrefix(form, []byte(begins)) || !bytes.Contains(form, []byte(`"value":2.5}`)) {
		t.Errorf("canonical form is\n%s", form)
	}
	again, err := ParseCanonical(form)
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Errorf("parsed anew: %v\n%+v\n%+v", err, r, again)
	}
	if _, err := ParseCanonical(sample(t)); !errors.Is(err, ErrNotCanonical) {
		t.Errorf("spaced form accepted as canonical: %v", err)
	}
	d1, _ := Digest(r)
	d2, _ := Digest(again)
	if d1 != d2 {
		t.Error("digests differ")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"unknown member", `"id":`, `"note": "x", "id":`, "unknown field"},
		{"duplicate member", `"id":`, `"id": "a", "id":`, "stands twice"},
		{"nested duplicate", `"cap": 6`, `"cap": 6, "cap": 7`, "stands twice"},
		{"capitals", `"id":`, `"ID":`, "capitals"},
		{"null", `"seed": 1`, `"seed": null`, "null"},
		{"empty member", `"domain": "d"`, `"domain": ""`, "leave it out"},
		{"empty array", `"flags": ["outlier"]`, `"flags": []`, "leave it out"},
		{"NaN", `"value": 2.50`, `"value": NaN`, "invalid character"},
		{"infinity", `"value": 2.50`, `"value": 1e999`, "out of range"},
		{"schema", "stat-result/v1", "stat-result/v2", "schema"},
		{"method", `"embedding-score", "v`, `"magic", "v`, "unknown method"},
		{"big seed", `"seed": 1`, `"seed": 9007199254740993`, "seed"},
		{"no repeats", `"repeats": 25`, `"repeats": 0`, "repeats missing"},
		{"negative", `"repeats": 25`, `"repeats": -1`, "repeats"},
		{"no dimensions", `"dimensions": 768`, `"dimensions": 0`, "dimensions: missing"},
		{"no embedder", `"embedder": "nomic-embed-text-v1.5"`, `"embedder": ""`, "embedder: missing"},
		{"no embedding", `"embedding": {"embedder": "nomic-embed-text-v1.5", "dimensions": 768, "normalised": true},`, "", "embedding: missing"},
		{"no convention", `"convention": "per_dim_rms", `, "", "convention missing"},
		{"no ddof", `, "ddof": 0`, "", "ddof missing"},
		{"no sigma", `{"name": "sigma", "value": 0.0048, "unit": "embedding", "direction": "two_sided", "convention": "per_dim_rms", "ddof": 0},`, "", "no sigma"},
		{"no score", `"name": "t"`, `"name": "tt"`, "threshold"},
		{"direction", `"unit": "1", "direction": "high_bad"`, `"unit": "1", "direction": "low_bad"`, "want \"1\" and high_bad"},
		{"no value", `"value": 2.50, `, ``, "want a value"},
		{"silent", `"decision": "outlier"`, `"decision": "inconclusive"`, "reason: missing"},
		{"p", `"p_value": 0.001`, `"p_value": 1.5`, "p_value"},
		{"p kind", `"p_kind": "empirical_null", `, ``, "p_kind"},
		{"flag", `["outlier"]`, `["outlier", "outlier"]`, "stands twice"},
		{"bidi", `"n1"`, `"n\u202e1"`, "not printable"},
		{"surrogate", `"n1"`, `"n\ud800"`, "not printable"},
		{"behind", "}\n", "} {}", "behind"},
	} {
		b := bytes.Replace(sample(t), []byte(tc.old), []byte(tc.new), 1)
		if tc.name == "behind" {
			b = append(sample(t), "{}"...)
		}
		if bytes.Equal(b, sample(t)) {
			t.Fatalf("%s: the case changes nothing", tc.name)
		}
		if _, err := Parse(b); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestMarshalRefusesWhatIsNoNumber(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		r, err := Parse(sample(t))
		if err != nil {
			t.Fatal(err)
		}
		r.Stats[0].Value = &v
		if _, err := Marshal(r); err == nil {
			t.Errorf("%v was written", v)
		}
	}
}

// TestOtherProducersFit: a record of each method that the notes list can be written and read.
func TestOtherProducersFit(t *testing.T) {
	for name, m := range methods {
		if m.embeds {
			continue
		}
		r := &Result{Schema: Schema, ID: "x", Method: Method{Name: name, Version: "1"}, Subject: Subject{NodeID: "n"}, Epoch: Epoch{ID: "e"},
			Reference: Reference{Kind: None}, Decision: NotRun, Reason: "no limit set"}
		for _, s := range m.anyOf {
			st, v := New(s), 0.5
			st.Value = &v
			r.Stats = append(r.Stats, st)
		}
		b, err := Marshal(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := ParseCanonical(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaNamesEveryMember holds docs/stat-result.schema.json against the types: members, words and the names' units.
func TestSchemaNamesEveryMember(t *testing.T) {
	s, words := readSchema(t), constants(t)
	compare(t, "", s, s.root, reflect.TypeFor[Result](), words)
	for typ := range words {
		t.Errorf("no member has words of type %s", typ)
	}
	items := s.root["properties"].(map[string]any)["stats"].(map[string]any)["items"].(map[string]any)
	for name, want := range named {
		st := map[string]any{"name": name, "value": 1., "unit": want.unit, "direction": string(want.direction)}
		if want.sigma == s.valid(items, st) {
			t.Errorf("%s without convention and ddof: sigma is %v", name, want.sigma)
		}
		st["convention"], st["ddof"] = "total_rms", 1.
		if !s.valid(items, st) {
			t.Errorf("the schema refuses %v", st)
		}
		for member, other := range map[string]string{"unit": "parsec", "direction": string(opposite(want.direction))} {
			right := st[member]
			if st[member] = other; s.valid(items, st) {
				t.Errorf("the schema takes %v", st)
			}
			st[member] = right
		}
	}
}

func opposite(d Direction) Direction {
	if d == LowBad {
		return HighBad
	}
	return LowBad
}

// constants are the words of each type in words.go.
func constants(t *testing.T) map[string][]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "words.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			if lit, ok := v.Values[0].(*ast.BasicLit); ok {
				word, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				typ := v.Type.(*ast.Ident).Name
				out[typ] = append(out[typ], word)
			}
		}
		return true
	})
	if len(out) != 8 {
		t.Fatalf("words of %d types: %v", len(out), out)
	}
	return out
}

// compare takes out of words what the schema lists.
func compare(t *testing.T, path string, s schema, node map[string]any, typ reflect.Type, words map[string][]string) {
	node = s.resolve(node)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if typ.Kind() == reflect.Slice {
		compare(t, path+"[]", s, node["items"].(map[string]any), typ.Elem(), words)
		return
	}
	if typ.Kind() == reflect.String && typ != reflect.TypeFor[string]() {
		var got []string
		list, _ := node["enum"].([]any)
		for _, w := range list {
			got = append(got, w.(string))
		}
		want := words[typ.Name()]
		if delete(words, typ.Name()); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: the schema has %q, the code %q", path, got, want)
		}
	}
	if typ.Kind() != reflect.Struct {
		return
	}
	props, _ := node["properties"].(map[string]any)
	if node["additionalProperties"] != false {
		t.Errorf("%s: additionalProperties is not false", path)
	}
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		p, ok := props[name].(map[string]any)
		if !ok {
			t.Errorf("%s/%s is not in the schema", path, name)
			continue
		}
		compare(t, path+"/"+name, s, p, typ.Field(i).Type, words)
	}
	if len(props) != typ.NumField() {
		t.Errorf("%s: the schema has %d members, the type %d", path, len(props), typ.NumField())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte(`{"schema":"stat-result/v1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		form, err := Marshal(r)
		if err != nil {
			t.Fatalf("read, and cannot be written: %v", err)
		}
		if _, err := ParseCanonical(form); err != nil {
			t.Fatalf("written, and cannot be read: %v\n%s", err, form)
		}
	})
}
