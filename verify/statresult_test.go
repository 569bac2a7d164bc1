package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
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

func signedLine(t *testing.T, doc []byte) []byte {
	t.Helper()
	b, err := json.Marshal(statLine{base64.RawURLEncoding.EncodeToString(doc)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}
