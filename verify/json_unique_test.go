package verify

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
		switch err := uniqueMembers([]byte(doc)); {
		case twice == "" && err != nil:
			t.Errorf("%s: %v", doc, err)
		case twice != "" && (err == nil || !strings.Contains(err.Error(), `"`+twice+`" stands twice`)):
			t.Errorf("%s: %v, want %q twice", doc, err, twice)
		}
	}
}
