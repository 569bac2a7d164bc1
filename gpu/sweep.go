package gpu

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// MethodSweep asks for a Sweep. Its request carries SweepParams.
const MethodSweep = "sweep"

// SweepParams say how one sweep is made.
type SweepParams struct {
	// Minute asks for what is read once a minute as well: thresholds, constants, each NVLink.
	Minute bool `cbor:"minute"`
	// BudgetMillis is how long the probe waits for the GPUs, at most. A GPU that has not
	// answered by then is absent from the sweep, with the call that did not return.
	BudgetMillis uint64 `cbor:"budget_ms"`
	// Skip lists GPUs, by key, that are not asked: they hung, and are left alone for a while.
	Skip []string `cbor:"skip"`
}

// Sweep is one quick reading of all GPUs.
type Sweep struct {
	Devices []telemetry.Device `cbor:"devices"` // by key, distinct
	Absent  []attest.Absence   `cbor:"absent"`  // paths as in Claims, folded
	Facts   []telemetry.Fact   `cbor:"facts"`   // Xid events
	// Stuck lists GPUs with a call that has not returned, now or from an earlier sweep:
	// the probe should be replaced. The text is "KEY: CALL, N ms".
	Stuck []string `cbor:"stuck"`
}

// ParseSweep decodes the result of MethodSweep.
func ParseSweep(b []byte) (*Sweep, error) {
	var s Sweep
	if err := attest.Unmarshal(b, &s, telemetry.MaxRecord); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if len(s.Stuck) > MaxDevices {
		return nil, fmt.Errorf("sweep: %d stuck GPUs, limit %d", len(s.Stuck), MaxDevices)
	}
	r := telemetry.Record{Devices: s.Devices, Absent: s.Absent, Facts: s.Facts}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	return &s, nil
}
