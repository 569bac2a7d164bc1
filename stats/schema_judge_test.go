package stats

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// schema is the part of JSON Schema 2020-12 that docs/stat-result.schema.json
// uses: enough to judge a record by the document that other people's tools read.
type schema struct {
	root  map[string]any
	t     *testing.T
	forms map[string]*regexp.Regexp
}

func readSchema(t *testing.T) schema {
	t.Helper()
	b, err := os.ReadFile("../docs/stat-result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := schema{map[string]any{}, t, map[string]*regexp.Regexp{}}
	if err := json.Unmarshal(b, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

// resolve follows a node's $ref.
func (s schema) resolve(node map[string]any) map[string]any {
	ref, ok := node["$ref"].(string)
	if !ok {
		return node
	}
	return s.root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
}

// valid says whether v is as node wants it.
func (s schema) valid(node map[string]any, v any) bool {
	for word, want := range node {
		if !s.keyword(node, word, want, v) {
			return false
		}
	}
	return true
}

func (s schema) keyword(node map[string]any, word string, want, v any) bool {
	sub := func(w any, v any) bool { return s.valid(w.(map[string]any), v) }
	object, _ := v.(map[string]any)
	array, isArray := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	limit, _ := want.(float64)
	count := func(holds func(any) bool) (n int) {
		for _, w := range want.([]any) {
			if holds(w) {
				n++
			}
		}
		return n
	}
	switch word {
	case "$schema", "$id", "title", "description", "$defs", "then":
		return true
	case "$ref":
		return sub(s.resolve(node), v)
	case "type":
		integer := isNumber && number == math.Trunc(number)
		return map[string]bool{"object": object != nil, "array": isArray, "string": isText, "number": isNumber, "integer": integer}[want.(string)]
	case "const":
		return reflect.DeepEqual(v, want)
	case "enum":
		return count(func(w any) bool { return reflect.DeepEqual(v, w) }) > 0
	case "not":
		return !sub(want, v)
	case "allOf":
		return count(func(w any) bool { return sub(w, v) }) == len(want.([]any))
	case "anyOf":
		return count(func(w any) bool { return sub(w, v) }) > 0
	case "oneOf":
		return count(func(w any) bool { return sub(w, v) }) == 1
	case "if":
		return !sub(want, v) || sub(node["then"], v)
	case "minimum":
		return !isNumber || number >= limit
	case "maximum":
		return !isNumber || number <= limit
	case "minLength":
		return !isText || utf8.RuneCountInString(text) >= int(limit)
	case "maxLength":
		return !isText || utf8.RuneCountInString(text) <= int(limit)
	case "pattern":
		p := want.(string)
		if s.forms[p] == nil {
			s.forms[p] = regexp.MustCompile(p)
		}
		return !isText || s.forms[p].MatchString(text)
	case "minItems":
		return !isArray || len(array) >= int(limit)
	case "maxItems":
		return !isArray || len(array) <= int(limit)
	case "items":
		return !slices.ContainsFunc(array, func(e any) bool { return !sub(want, e) })
	case "contains":
		return !isArray || slices.ContainsFunc(array, func(e any) bool { return sub(want, e) })
	case "uniqueItems":
		for i, e := range array {
			if slices.ContainsFunc(array[:i], func(o any) bool { return reflect.DeepEqual(e, o) }) {
				return false
			}
		}
		return true
	case "minProperties":
		return object == nil || len(object) >= int(limit)
	case "maxProperties":
		return len(object) <= int(limit)
	case "required":
		return object == nil || count(func(w any) bool { _, ok := object[w.(string)]; return ok }) == len(want.([]any))
	case "dependentRequired":
		for k, needs := range want.(map[string]any) {
			if _, ok := object[k]; ok && !s.keyword(node, "required", needs, v) {
				return false
			}
		}
		return true
	case "propertyNames":
		for k := range object {
			if !sub(want, k) {
				return false
			}
		}
		return true
	case "properties":
		for k, w := range want.(map[string]any) {
			if e, ok := object[k]; ok && !sub(w, e) {
				return false
			}
		}
		return true
	case "additionalProperties":
		props, _ := node["properties"].(map[string]any)
		for k, e := range object {
			if _, ok := props[k]; !ok && (want == false || !sub(want, e)) {
				return false
			}
		}
		return true
	}
	s.t.Fatalf("the schema uses %q, which this test does not know", word)
	return false
}
