package nvml_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-attest/hallmark/internal/sim/nvml"
)

// A host of two L40S that call themselves H100, as a dishonest provider would. The
// file lies beside the library that nvml.Build makes in the same directory.
func ExampleWriteConf() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	err = nvml.WriteConf(dir, nvml.Conf{Profile: nvml.L40S, Seed: 42, Name: "NVIDIA H100 80GB HBM3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := os.ReadFile(filepath.Join(dir, nvml.Soname+".conf"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(b))
	// Output:
	// profile=l40s-2
	// seed=42
	// load=0
	// name=NVIDIA H100 80GB HBM3
}
