package verify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/host"
	"github.com/hallmark-attest/hallmark/attest/tpm"
	"github.com/hallmark-attest/hallmark/engine"
	"github.com/hallmark-attest/hallmark/gpu"
)

const claimsDir = vectorDir + "/claims"

func forgetClaims(t *testing.T, kind attest.Kind) {
	t.Helper()
	old, err := filepath.Glob(filepath.Join(claimsDir, string(kind)+"-*.vec"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		os.Remove(f)
	}
	if err := os.MkdirAll(claimsDir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// writeClaims writes one kind's claims and what must become of them.
func writeClaims(t *testing.T, kind attest.Kind, i int, why string, body []byte) {
	t.Helper()
	expect := "claims.malformed"
	if why == "" {
		why, expect = "within the format", "well-formed"
	}
	file := fmt.Sprintf("%s-%03d.vec", kind, i)
	b := fmt.Appendf(nil, "comment: %s\nkind: %s\nexpect: %s\n\n%s\n", why, kind, expect, base64.StdEncoding.EncodeToString(body))
	if err := os.WriteFile(filepath.Join(claimsDir, file), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestClaimsVectors runs the vectors of claims: for each rule of form of a kind, canonical bytes that break it.
func TestClaimsVectors(t *testing.T) {
	parse := map[string]func([]byte) error{
		"gpu":    func(b []byte) error { _, err := gpu.Parse(b); return err },
		"engine": func(b []byte) error { _, err := engine.Parse(b); return err },
		"host":   func(b []byte) error { _, err := host.Parse(b); return err },
		"tpm":    func(b []byte) error { _, err := tpm.Parse(b); return err },
	}
	files, err := filepath.Glob(filepath.Join(claimsDir, "*.vec"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", claimsDir, err)
	}
	bad := map[string]int{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := bytes.Cut(b, []byte("\n\n"))
		header := map[string]string{}
		for line := range strings.Lines(string(head)) {
			k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
			header[k] = v
		}
		body, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(rest)))
		judge := parse[header["kind"]]
		if err != nil || judge == nil || header["expect"] != "well-formed" && header["expect"] != "claims.malformed" {
			t.Errorf("%s: cannot be read: %v %v", file, header, err)
			continue
		}
		if err := judge(body); (err == nil) != (header["expect"] == "well-formed") {
			t.Errorf("%s (%s): got %v, want %s", filepath.Base(file), header["comment"], err, header["expect"])
		}
		if header["expect"] == "claims.malformed" {
			bad[header["kind"]]++
		}
	}
	for kind := range parse {
		if bad[kind] == 0 {
			t.Errorf("no bad vector of kind %s", kind)
		}
	}
}
