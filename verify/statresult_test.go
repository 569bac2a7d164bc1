package verify

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/sign"
	"github.com/hallmark-attest/hallmark/stats"
)

func TestStatResultIsBySignerAlone(t *testing.T) {
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	other, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &stats.Result{Schema: stats.Schema, ID: "x", Method: stats.Method{Name: stats.LatencyMethod, Version: "1"}, Subject: stats.Subject{NodeID: "n"},
		Epoch: stats.Epoch{ID: "e"}, Reference: stats.Reference{Kind: stats.None}, Decision: stats.Inlier}
	signed, err := MarshalStatResult(key, r)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := MarshalStatResult(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadStatResult(signed, &key.PublicKey)
	if err != nil || !got.Checked || got.ID != "x" {
		t.Fatalf("%+v, %v", got, err)
	}
	if want, _ := attest.KeyDigest(&key.PublicKey); *got.Signer != want {
		t.Error("signer is another")
	}
	if got, err := ReadStatResult(signed, nil); err != nil || got.Checked || got.Signer == nil {
		t.Errorf("without key: %+v, %v", got, err)
	}
	if got, err := ReadStatResult(bare, nil); err != nil || got.Checked || got.Signer != nil {
		t.Errorf("bare: %+v, %v", got, err)
	}
	if _, err := ReadStatResult(bare, &key.PublicKey); err == nil || !strings.Contains(err.Error(), "not signed") {
		t.Errorf("bare with key: %v", err)
	}
	if _, err := ReadStatResult(signed, &other.PublicKey); err == nil {
		t.Error("accepted under another key")
	}
	for _, b := range [][]byte{nil, []byte("{}"), bytes.Repeat([]byte{'x'}, MaxStatLine+1), append(bytes.Clone(signed), "{}"...), []byte(`{"stat_result":"AAAA"}`)} {
		if _, err := ReadStatResult(b, nil); err == nil {
			t.Errorf("accepted %.40q", b)
		}
	}
	// a record that the signer did not write in the one form
	doc, err := sign.Seal(key, attest.TypeStatResult, append(bare, ' '))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStatResult(signedLine(t, doc), &key.PublicKey); err == nil || !strings.Contains(err.Error(), "canonical") {
		t.Errorf("spaced payload: %v", err)
	}
	// a document of another type
	if doc, err = sign.Seal(key, attest.TypeReference, bare); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadStatResult(signedLine(t, doc), &key.PublicKey); err == nil {
		t.Error("a reference was taken for a result")
	}
}

// TestStatResultLineIsStrict: a line is one object with members that stand once, and one that was cut is called that first.
func TestStatResultLineIsStrict(t *testing.T) {
	key, err := sign.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &stats.Result{Schema: stats.Schema, ID: "x", Method: stats.Method{Name: stats.LatencyMethod, Version: "1"}, Subject: stats.Subject{NodeID: "n"},
		Epoch: stats.Epoch{ID: "e"}, Reference: stats.Reference{Kind: stats.None}, Decision: stats.Inlier}
	line, err := MarshalStatResult(key, r)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := MarshalStatResult(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	good := string(line)
	for _, tc := range []struct{ name, line, want string }{
		{"cut", good[:len(good)/2], "cut off"},
		{"cut at the end", good[:len(good)-1], "cut off"},
		{"bare, cut", string(bare[:len(bare)/2]), "cut off"},
		{"empty", "", "cut off"},
		{"a brace behind", good + "}", "bytes behind"},
		{"a bracket behind", good + "]", "bytes behind"},
		{"another behind", good + good, "bytes behind"},
		{"twice", good[:len(good)-1] + "," + good[1:], "stands twice"},
		{"capitals", strings.Replace(good, "stat_result", "STAT_RESULT", 1), "not signed"},
		{"beside it", `{"x":1,` + good[1:], "beside stat_result"},
		{"a number", `{"stat_result":7}`, "want base64url"},
		{"line breaks", good[:len(good)-2] + `\n"}`, "line breaks"},
		{"no object", "[]", "want one JSON object"},
		{"bare", string(bare), "not signed"},
	} {
		if _, err := ReadStatResult([]byte(tc.line), &key.PublicKey); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := ReadStatResult(append(line, '\n'), &key.PublicKey); err != nil {
		t.Errorf("a space behind the object: %v", err)
	}
}

func signedLine(t *testing.T, doc []byte) []byte {
	t.Helper()
	b, err := json.Marshal(statLine{base64.RawURLEncoding.EncodeToString(doc)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzStatResults hands arbitrary bytes to the reader of results: what it reads is a record by the schema, once for each line that has one, and reads again as the same.
func FuzzStatResults(f *testing.F) {
	key, err := sign.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	v := 1.5
	t := stats.New("t")
	t.Value = &v
	r := &stats.Result{Schema: stats.Schema, ID: "x", Method: stats.Method{Name: stats.LatencyMethod, Version: "1"}, Subject: stats.Subject{NodeID: "n"}, Stats: []stats.Stat{t},
		Epoch: stats.Epoch{ID: "e"}, Reference: stats.Reference{Kind: stats.None}, Decision: stats.Inlier}
	for _, k := range []*ecdsa.PrivateKey{nil, key} {
		line, err := MarshalStatResult(k, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		f.Add(slices.Concat(line, []byte("\n\r\n  \n"), line))
		f.Add(line[:len(line)/2])
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if list, err := ReadStatResults(file, &key.PublicKey, nil); err == nil {
			for _, s := range list {
				if !s.Checked {
					t.Fatal("unsigned, and a signer was named")
				}
			}
		}
		list, err := ReadStatResults(file, nil, &key.PublicKey)
		if err != nil {
			return
		}
		if lines := bytes.Count(file, []byte("\n")) + 1; len(list) > lines {
			t.Fatalf("%d results of %d lines", len(list), lines)
		}
		for _, s := range list {
			line, err := MarshalStatResult(nil, s.Result)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := ReadStatResult(line, nil); err != nil || again.ID != s.ID {
				t.Fatalf("%v: %s", err, line)
			}
		}
	})
}
