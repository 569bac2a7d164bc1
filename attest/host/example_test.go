package host_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/hallmark-attest/hallmark/attest/host"
)

// A host with one file: the rest is said to be absent, never left out.
func ExampleReader() {
	root := fstest.MapFS{"sys/kernel/security/lockdown": {Data: []byte("none [integrity] confidentiality\n")}}
	c := (&host.Reader{Root: root}).Read(context.Background())
	fmt.Println(c.Kernel.Lockdown)
	for _, a := range c.Absent {
		if a.What == "kernel.taint" {
			fmt.Println(a.What, a.Reason)
		}
	}
	// Output:
	// integrity
	// kernel.taint not-present
}
