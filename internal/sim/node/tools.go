package node

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Tools are the programs of a node, as built.
type Tools struct {
	Agent string
	Probe string
}

// Find looks for the programs in dir, where the demo's own binary lies too.
func Find(dir string) (Tools, error) {
	t := Tools{Agent: filepath.Join(dir, "hallmark-agent"), Probe: filepath.Join(dir, "hallmark-gpuprobe")}
	var missing []error
	for _, p := range []string{t.Agent, t.Probe} {
		if _, err := exec.LookPath(p); err != nil {
			missing = append(missing, fmt.Errorf("%s is missing or not executable", p))
		}
	}
	if len(missing) > 0 {
		return t, fmt.Errorf("%w: build all programs with `make build`", errors.Join(missing...))
	}
	return t, nil
}

// tail returns the end of a log for an error message.
func tail(file string) string {
	const most = 2048
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}
