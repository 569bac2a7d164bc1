package agent

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// decodeYAML decodes one strict document: no unknown or duplicate key, no
// anchors or aliases (they make small files large), no second document.
func decodeYAML(b []byte, c *Config) error {
	documents, content := 0, false
	for _, t := range lexer.Tokenize(string(b)) {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return fmt.Errorf("[%d:%d] anchors and aliases are not used here: write the value out", t.Position.Line, t.Position.Column)
		case token.DocumentHeaderType:
			documents++
		case token.CommentType, token.DocumentEndType:
		default:
			content = true
		}
	}
	if documents > 1 {
		return errors.New("more than one YAML document: keep the first and remove what follows the second \"---\"")
	}
	if !content {
		return nil
	}
	if err := refuseNulls(b); err != nil {
		return err
	}
	err := yaml.UnmarshalWithOptions(b, c, yaml.Strict())
	if err == nil {
		return nil
	}
	msg := strings.TrimSpace(yaml.FormatError(err, false, true))
	if hint := keyHint(msg); hint != "" {
		msg += "\nhint: " + hint
	}
	return errors.New(msg)
}

// refuseNulls refuses keys without value: the decoder would read them as
// empty, which is another thing than the default.
func refuseNulls(b []byte) error {
	f, err := parser.ParseBytes(b, 0)
	if err != nil {
		return nil // the decoder says it better
	}
	var n nullFinder
	for _, doc := range f.Docs {
		if doc.Body != nil {
			ast.Walk(&n, doc.Body)
		}
	}
	if n.at == nil {
		return nil
	}
	return fmt.Errorf("[%d:%d] a key without value: give it one, or remove the line for the default", n.at.Line, n.at.Column)
}

type nullFinder struct{ at *token.Position }

func (n *nullFinder) Visit(node ast.Node) ast.Visitor {
	if node.Type() == ast.NullType && n.at == nil {
		n.at = node.GetToken().Position
	}
	return n
}

var unknownField = regexp.MustCompile(`unknown field "([^"]*)"`)

// keyHint names the nearest known key to an unknown one.
func keyHint(msg string) string {
	m := unknownField.FindStringSubmatch(msg)
	if m == nil {
		return ""
	}
	best, distance := "", 4
	for key := range knownKeys(reflect.TypeFor[Config]()) {
		d := editDistance(m[1], key)
		if d < distance || d == distance && (sameLetters(m[1], key) || key < best && !sameLetters(m[1], best)) {
			best, distance = key, d
		}
	}
	if best == "" {
		return "the keys are described in /usr/share/doc/hallmark/agent.yaml"
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// sameLetters tells two transposed letters from others.
func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// knownKeys lists the keys of t and of the structs inside it.
func knownKeys(t reflect.Type) map[string]bool {
	keys := map[string]bool{}
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return keys
	}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "-" {
			keys[tag] = true
			for k := range knownKeys(t.Field(i).Type) {
				keys[k] = true
			}
		}
	}
	return keys
}

// editDistance is Levenshtein's; long words are cut, they are no typing mistakes.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 40)], b[:min(len(b), 40)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// unquote takes the quotes off a YAML scalar.
func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
