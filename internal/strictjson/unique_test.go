package strictjson

import (
	"strings"
	"testing"
)

func TestMembersStandOnce(t *testing.T) {
	for doc, twice := range map[string]string{
		`{"a":1,"b":{"a":["a","a",{"a":1}]},"c":"a"}`: "",
		`[{"a":1},{"a":"b","b":"a"}]`:                 "",
		`"a"`:                                         "",
		`{"a":1,"b":2,"a":1}`:                         "a",
		`{"mrtd":[],"MRTD":[]}`:                       "MRTD",
		`{"tcb":{"x":[],"y":{},"x":1}}`:               "x",
		`{"a":[{"b":null,"b":1}]}`:                    "b",
		`{"a":{},"a":{}}`:                             "a",
		`{"a":{"b":1},"c":[1],"b":1,"c":2}`:           "c",
	} {
		switch err := Unique([]byte(doc)); {
		case twice == "" && err != nil:
			t.Errorf("%s: %v", doc, err)
		case twice != "" && (err == nil || !strings.Contains(err.Error(), `"`+twice+`" stands twice`)):
			t.Errorf("%s: %v, want %q twice", doc, err, twice)
		}
	}
}

func TestDecodeTakesOneKnownValue(t *testing.T) {
	var v struct{ A int }
	if err := Decode([]byte(` {"A":1} `), &v); err != nil || v.A != 1 {
		t.Error(err, v)
	}
	for _, bad := range []string{``, `{"A":1}{}`, `{"A":1}]`, `{"A":1,"B":2}`, `{"A":1,"a":2}`, `{"A":1`, `[1]`} {
		if Decode([]byte(bad), &v) == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
