package engine_test

import (
	"fmt"
	"os"

	"github.com/hallmark-attest/hallmark/internal/sim/engine"
)

// A model directory for a simulated engine; another seed would be another model of the same shape.
func ExampleWriteModel() {
	dir, err := os.MkdirTemp("", "model-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := engine.WriteModel(dir, 1, 64); err != nil {
		fmt.Println(err)
		return
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files {
		fmt.Println(f.Name())
	}
	// Output:
	// config.json
	// model.safetensors
}
