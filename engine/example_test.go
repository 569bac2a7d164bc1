package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/engine"
)

// The identity of a model directory, as a validator puts it into a reference.
func ExampleMeasure() {
	dir, err := os.MkdirTemp("", "model")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"config.json": "{}", "model.safetensors": "weights"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			fmt.Println(err)
			return
		}
	}
	m, err := engine.Measure(context.Background(), dir, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	digest, err := m.Digest()
	fmt.Printf("%d files, %d bytes, %x %v\n", len(m), m.Size(), digest, err)
	// Output: 2 files, 9 bytes, dc2954c0e26da69e8c0ccb5f6238300fa3e21b98b74d7166deba1ccb6e05a0da <nil>
}
