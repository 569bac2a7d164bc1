package modelsig_test

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/engine/modelsig"
)

// refused signs a statement that a careless or a hostile publisher could sign,
// and expects it to be refused with the words.
func refused(t *testing.T, name string, st any, words string) {
	t.Helper()
	key := newKey(t, elliptic.P256())
	b, ok := st.([]byte)
	if !ok {
		b = encode(t, st)
	}
	s, err := modelsig.Open(encode(t, signer{key: key}.bundle(t, b)), &key.PublicKey)
	if err == nil || s != nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: got %v, want %q", name, err, words)
	}
}

func TestOpenRejectsOtherStatements(t *testing.T) {
	for name, c := range map[string]struct {
		bend  func(st object)
		words string
	}{
		"other type":        {func(st object) { st["_type"] = "https://in-toto.io/Statement/v0.1" }, "_type"},
		"other predicate":   {func(st object) { st["predicateType"] = "https://slsa.dev/provenance/v1" }, "predicateType"},
		"predicate, longer": {func(st object) { st["predicateType"] = omsV1 + "/" }, "predicateType"},
		"unknown member":    {func(st object) { st["x"] = 1 }, "unknown member"},
		"no subject":        {func(st object) { st["subject"] = []any{} }, "subject: none"},
		"two subjects":      {func(st object) { s := st["subject"].([]any); st["subject"] = append(s, s[0]) }, "subject: over"},
		"nameless subject":  {func(st object) { st["subject"].([]any)[0].(object)["name"] = "" }, "subject name"},
		"other root digest": {func(st object) {
			st["subject"].([]any)[0].(object)["digest"] = object{"sha256": strings.Repeat("0", 64)}
		}, "root digest"},
		"root not SHA-256":  {func(st object) { st["subject"].([]any)[0].(object)["digest"] = object{"sha512": "00"} }, `no member "sha256"`},
		"no predicate":      {func(st object) { delete(st, "predicate") }, `no member "predicate"`},
		"predicate member":  {func(st object) { st["predicate"].(object)["x"] = 1 }, "unknown member"},
		"no resources":      {func(st object) { st["predicate"].(object)["resources"] = []any{} }, "no resources"},
		"serialization":     {func(st object) { serialization(st)["x"] = 1 }, "unknown member"},
		"other method":      {func(st object) { serialization(st)["method"] = "tensors" }, "method"},
		"other hash":        {func(st object) { serialization(st)["hash_type"] = "md5" }, "hash_type"},
		"shards, no size":   {func(st object) { serialization(st)["method"] = "shards" }, "shard_size of 0"},
		"files with size":   {func(st object) { serialization(st)["shard_size"] = 8 }, "shard_size of 8"},
		"links not boolean": {func(st object) { serialization(st)["allow_symlinks"] = "false" }, "neither true nor false"},
		"no links member":   {func(st object) { delete(serialization(st), "allow_symlinks") }, "allow_symlinks"},
		"ignores all":       {func(st object) { serialization(st)["ignore_paths"] = []any{"."} }, "ignore_paths"},
		"ignores above":     {func(st object) { serialization(st)["ignore_paths"] = []any{"../x"} }, "ignore_paths"},
		"ignores a pattern": {func(st object) { serialization(st)["ignore_paths"] = []any{"*.bin"} }, "pattern"},
		"other algorithm":   {func(st object) { first(st)["algorithm"] = "blake3" }, "algorithm"},
		"no algorithm":      {func(st object) { delete(first(st), "algorithm") }, "algorithm"},
		"short digest":      {func(st object) { first(st)["digest"] = "00" }, "digest of 2"},
		"upper-case digest": {func(st object) { first(st)["digest"] = strings.ToUpper(first(st)["digest"].(string)) }, "lower-case"},
		"digest not hex":    {func(st object) { first(st)["digest"] = strings.Repeat("g", 64) }, "digest"},
	} {
		st := statement(tiny().resources(), filesOf())
		c.bend(st)
		refused(t, name, st, c.words)
	}
}

func serialization(st object) object { return st["predicate"].(object)["serialization"].(object) }
func first(st object) object {
	return st["predicate"].(object)["resources"].([]any)[0].(object)
}

func TestOpenRejectsPathsThatLeaveTheModel(t *testing.T) {
	for _, p := range []string{"", "..", "../a", "a/../../b", "a/..", "/etc/passwd", "./a", "a/./b", "a//b", "a/", "a/\x00b", "a\nb",
		"a\u202eb", "a\ufffdb", strings.Repeat("a", 1025)} {
		refused(t, fmt.Sprintf("%.20q", p), statement(model{p: "x"}.resources(), filesOf()), "path")
	}
	// JSON can carry half a surrogate pair, no file system can; two such names must not become one.
	text := encode(t, statement(model{"a-b": "x"}.resources(), filesOf()))
	refused(t, "lone surrogate", []byte(strings.Replace(string(text), "a-b", `a\ud800b`, 1)), "not printable")
	refused(t, "the root among others", statement(model{".": "x", "a": "y"}.resources(), filesOf()), "among 2 files")
}

func TestOpenRejectsDuplicateResources(t *testing.T) {
	list := model{"a": "1", "b": "2"}.resources()
	refused(t, "same digest", statement([]any{list[0], list[0], list[1]}, filesOf()), "twice")
	refused(t, "two digests", statement([]any{list[0], resource("a", "other"), list[1]}, filesOf()), "twice")
	refused(t, "same shard", statement([]any{resource("a:0:1", "1"), resource("a:0:1", "2")}, shardsOf(8)), "want a shard")
	text := string(encode(t, statement(list, filesOf())))
	refused(t, "name twice in one", []byte(strings.Replace(text, `"name":"a"`, `"name":"a","name":"c"`, 1)), "twice")
	refused(t, "predicate twice", []byte(`{"predicate":{},`+text[1:]), "")
}

func TestOpenRejectsUnsortedResources(t *testing.T) {
	list := tiny().resources()
	slices.Reverse(list)
	refused(t, "reversed", statement(list, filesOf()), "not sorted")
}

// By code points "a-b" < "a.b" < "a/b"; the reference signer puts the directory first.
func TestOpenAcceptsBothOrders(t *testing.T) {
	key := newKey(t, elliptic.P256())
	for _, names := range [][]string{{"a-b", "a.b", "a/b"}, {"a/b", "a-b", "a.b"}} {
		var list []any
		for _, n := range names {
			list = append(list, resource(n, n))
		}
		open(t, signer{key: key}.sign(t, statement(list, filesOf())), key)
	}
	refused(t, "neither", statement([]any{resource("a.b", ""), resource("a/b", ""), resource("a-b", "")}, filesOf()), "not sorted")
	byNumber := []any{resource("w:0:8", "x"), resource("w:8:16", "x"), resource("w:16:20", "x")}
	s := open(t, signer{key: key}.sign(t, statement(byNumber, shardsOf(json.Number("8.0")))), key)
	if got := s.Shards("w", 20); len(got) != 3 || got[2] != (modelsig.Shard{Start: 16, End: 20}) {
		t.Errorf("got %v", got)
	}
}

func TestOpenRejectsHugeCounts(t *testing.T) {
	list := make([]any, modelsig.MaxResources+1)
	r := resource("a", "")
	for i := range list {
		list[i] = r
	}
	refused(t, "resources", statement(list, filesOf()), "resources: over the limit")
	refused(t, "ignore_paths", statement(tiny().resources(), filesOf(make([]string, modelsig.MaxIgnorePaths+1)...)), "ignore_paths: over the limit")
	members := object{}
	for i := range 65 {
		members[fmt.Sprint("m", i)] = 1
	}
	st := statement(tiny().resources(), filesOf())
	for k, v := range first(st) {
		members[k] = v
	}
	st["predicate"].(object)["resources"] = []any{members}
	refused(t, "members", st, "members over the limit")
	huge := new(big.Int).Lsh(big.NewInt(1), 64)
	for _, size := range []any{0, -8, 1.5, "8", json.Number("1e3"), json.Number(huge.String()), uint64(modelsig.MaxFileBytes + 1)} {
		refused(t, fmt.Sprint("shard of ", size), statement(tiny().shards(8), shardsOf(size)), "shard_size")
	}
}

// A gap between ranges, or beyond the last, would be bytes nobody signed.
func TestOpenRejectsShardsThatDoNotCover(t *testing.T) {
	for name, names := range map[string][]string{
		"no range":         {"a"},
		"one number":       {"a:8"},
		"no path":          {":0:8"},
		"signed number":    {"a:+0:8"},
		"leading zero":     {"a:0:08"},
		"hexadecimal":      {"a:0:0x8"},
		"starts late":      {"a:8:16"},
		"gap":              {"a:0:8", "a:16:24"},
		"overlap":          {"a:0:8", "a:4:12"},
		"short in between": {"a:0:4", "a:4:8"},
		"long":             {"a:0:9"},
		"empty":            {"a:0:0"},
		"backwards":        {"a:8:0"},
		"beyond any file":  {"a:0:99999999999999999"},
		"beyond 64 bits":   {"a:0:18446744073709551624"},
		"leaves the model": {"../a:0:8"},
	} {
		var list []any
		for _, n := range names {
			list = append(list, resource(n, n))
		}
		refused(t, name, statement(list, shardsOf(8)), "")
	}
	const most = modelsig.MaxFileBytes
	beyond := []any{resource(fmt.Sprintf("a:0:%d", most), ""), resource(fmt.Sprintf("a:%d:%d", most, most+1), "")}
	refused(t, "ends over the limit", statement(beyond, shardsOf(most)), "path:start:end")
	st := statement([]any{resource("a:0:8", "")}, shardsOf(8))
	first(st)["algorithm"] = "sha256-sharded-16"
	refused(t, "algorithm of another size", st, "algorithm")
}

func TestOpenReadsOverWhatTheFormatLeavesOpen(t *testing.T) {
	key := newKey(t, elliptic.P256())
	st := statement(tiny().resources(), filesOf())
	first(st)["annotations"] = object{"a": []any{1, true, nil, "x"}}
	st["subject"].([]any)[0].(object)["uri"] = "https://example.com/m"
	st["subject"].([]any)[0].(object)["digest"].(object)["sha512"] = "00"
	delete(serialization(st), "ignore_paths")
	open(t, signer{key: key}.sign(t, st), key)
}
