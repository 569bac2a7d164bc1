package gpu

import (
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
)

// Sweep is one quick reading of all GPUs.
type Sweep struct {
	Devices []telemetry.Device `cbor:"devices"`          // by key, distinct
	Absent  []attest.Absence   `cbor:"absent,omitempty"` // paths as in Claims, folded
	Facts   []telemetry.Fact   `cbor:"facts,omitempty"`  // Xid events
	// Stuck lists GPUs with a call that has not returned, now or from an earlier request:
	// the probe should be replaced. Each is absent as a whole, too.
	Stuck []Stuck `cbor:"stuck,omitempty"`
}

// Fold says the same as list with fewer absences, as Snapshot does.
func Fold(list []attest.Absence) []attest.Absence { return fold(list) }

// ParseSweep decodes the result of MethodSweep.
func ParseSweep(b []byte) (*Sweep, error) {
	var s Sweep
	if err := attest.Unmarshal(b, &s, telemetry.MaxRecord); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &s, nil
}

// Check compares s with the limits and holds it to its one order.
func (s *Sweep) Check() error {
	r := telemetry.Record{Devices: s.Devices, Absent: s.Absent, Facts: s.Facts}
	if err := r.Check(); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if len(s.Stuck) > MaxDevices {
		return fmt.Errorf("sweep: %d stuck GPUs, limit %d", len(s.Stuck), MaxDevices)
	}
	for _, g := range s.Stuck {
		if g.Key == "" || len(g.Key) > telemetry.MaxKey || len(g.Call) > MaxText {
			return fmt.Errorf("sweep: stuck GPU of %d and %d bytes", len(g.Key), len(g.Call))
		}
	}
	return nil
}
