package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-attest/hallmark/internal/sim/engine"
)

func TestMeasurePrintsTheCensus(t *testing.T) {
	dir := t.TempDir()
	if err := engine.WriteDownCast(dir, 1, 32); err != nil {
		t.Fatal(err)
	}
	m, err := measure(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text, doc bytes.Buffer
	if err := printMeasured(&text, m, false); err != nil || !strings.Contains(text.String(), "parameters 4096") || !strings.Contains(text.String(), "100.0 %  fp8-e4m3") {
		t.Errorf("%s%v", text.String(), err)
	}
	var got struct {
		Census struct {
			Parameters uint64
			ByType     []struct{ Type string } `json:"by_type"`
		}
	}
	if err := printMeasured(&doc, m, true); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(doc.Bytes(), &got); err != nil || got.Census.Parameters != 4096 || len(got.Census.ByType) != 1 || got.Census.ByType[0].Type != "fp8-e4m3" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMeasureSaysWhyThereIsNoCensus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := measure(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text, doc bytes.Buffer
	if err := printMeasured(&text, m, false); err != nil || !strings.Contains(text.String(), "census: not-supported") {
		t.Errorf("%s%v", text.String(), err)
	}
	if err := printMeasured(&doc, m, true); err != nil || strings.Contains(doc.String(), `"census":`) || !strings.Contains(doc.String(), `"not-supported"`) {
		t.Errorf("%s%v", doc.String(), err)
	}
}
