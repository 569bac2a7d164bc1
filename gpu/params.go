package gpu

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// MethodSweep asks for a Sweep. Its request carries SweepParams.
const MethodSweep = "sweep"

// SnapshotParams say how a snapshot is made. None at all are the zero value.
type SnapshotParams struct {
	// BudgetMillis is how long the probe waits for the GPUs, at most; 0 is without end. A
	// GPU that has not answered by then is absent, with the call that did not return.
	BudgetMillis uint64 `cbor:"budget_ms"`
	// Skip lists GPUs, by key, that are not asked: they hung, and are left alone for a while.
	Skip []string `cbor:"skip,omitempty"`
}

// SweepParams say how one sweep is made.
type SweepParams struct {
	// Minute asks for what is read once a minute as well: thresholds, constants, each NVLink.
	Minute bool `cbor:"minute"`
	// BudgetMillis and Skip are as in SnapshotParams.
	BudgetMillis uint64   `cbor:"budget_ms"`
	Skip         []string `cbor:"skip,omitempty"`
}

// ParseSnapshotParams decodes the parameters of MethodSnapshot, which may be left out.
func ParseSnapshotParams(b []byte) (p SnapshotParams, err error) {
	if len(b) == 0 {
		return p, nil
	}
	if err := attest.Unmarshal(b, &p, MaxParams); err != nil {
		return p, fmt.Errorf("snapshot parameters: %w", err)
	}
	return p, checkSkip(p.BudgetMillis, p.Skip)
}

// ParseSweepParams decodes the parameters of MethodSweep.
func ParseSweepParams(b []byte) (p SweepParams, err error) {
	if err := attest.Unmarshal(b, &p, MaxParams); err != nil {
		return p, fmt.Errorf("sweep parameters: %w", err)
	}
	return p, checkSkip(p.BudgetMillis, p.Skip)
}

func checkSkip(budget uint64, skip []string) error {
	if budget > MaxBudgetMillis {
		return fmt.Errorf("parameters: budget of %d ms, limit %d", budget, MaxBudgetMillis)
	}
	if len(skip) > MaxDevices {
		return fmt.Errorf("parameters: %d GPUs to skip, limit %d", len(skip), MaxDevices)
	}
	for _, k := range skip {
		if k == "" || len(k) > telemetry.MaxKey {
			return fmt.Errorf("parameters: key of %d bytes", len(k))
		}
	}
	return nil
}
