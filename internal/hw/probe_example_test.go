package hw_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/internal/hw"
)

// A host without the probe says so in its evidence; nothing else fails for it.
func ExampleProbe() {
	probe := hw.NewProbe("/nowhere/hallmark-gpuprobe", "libnvidia-ml.so.1", slog.Default())
	defer probe.Close()
	_, err := probe.Snapshot(context.Background())
	var absent *attest.AbsentError
	if errors.As(err, &absent) {
		fmt.Println(absent.Absence.What, absent.Absence.Reason)
	}
	// Output: gpu not-present
}
