package node_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hallmark-attest/hallmark/internal/sim/node"
)

// A node is the real agent over a software TPM that runs already. Here the programs are not built, so it does not come up.
func ExampleStart() {
	dir, err := os.MkdirTemp("", "node-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	tools := node.Tools{Agent: dir + "/hallmark-agent", Probe: dir + "/hallmark-gpuprobe"}
	n, err := node.Start(context.Background(), node.Options{Dir: dir, Tools: tools, TPMSocket: dir + "/sock", Keys: dir + "/*.pub", PerMinute: 60})
	if err != nil {
		fmt.Println("no node:", errors.Is(err, fs.ErrNotExist))
		return
	}
	defer n.Stop()
	fmt.Println("serving at", n.URL)
	// Output: no node: true
}
