package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEngineHoldsItsWeightsMappedWhileItServes(t *testing.T) {
	dir := t.TempDir()
	if err := WriteModel(dir, 1, 32); err != nil {
		t.Fatal(err)
	}
	file, addr := filepath.Join(dir, File), free(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, file, addr, Manner{}) }()
	if body := get(t, "http://"+addr+"/v1/models"); !strings.Contains(body, `"tensors":4`) {
		t.Error(body)
	}
	if !mapped(t, file) {
		t.Error("the weights are not mapped")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if mapped(t, file) {
		t.Error("the weights are still mapped")
	}
}

func TestEngineRefusesWhatIsNoWeightsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	for _, content := range []string{"", "no safetensors"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Serve(t.Context(), file, "127.0.0.1:0", Manner{}); err == nil {
			t.Errorf("%q was served", content)
		}
	}
}

func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		r, err := http.Get(url)
		if err == nil {
			defer r.Body.Close()
			b, _ := io.ReadAll(r.Body)
			return string(b)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func mapped(t *testing.T, file string) bool {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), file)
}
