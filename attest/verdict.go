package attest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Verdict is the payload of a TypeVerdict document: what a validator keeps of
// one record that it judged. What spans time is judged against these.
type Verdict struct {
	Profile  string        `cbor:"1,keyasint"`
	UEID     UEID          `cbor:"2,keyasint"`
	Record   Digest        `cbor:"3,keyasint"` // SHA-256 of the record as judged
	Sent     uint64        `cbor:"4,keyasint"` // milliseconds since the Unix epoch; the quote was made between these two
	Received uint64        `cbor:"5,keyasint"`
	Tier     string        `cbor:"6,keyasint"`
	Findings []string      `cbor:"7,keyasint"` // ids that contradicted or warned, sorted, distinct
	Clock    *VerdictClock `cbor:"8,keyasint,omitempty"`
	// Telemetry is the chain that the evidence stated; nil in verdicts of older versions, and without such claims.
	Telemetry *VerdictTelemetry `cbor:"9,keyasint,omitempty"`
	// GPUs are the whole boards that the evidence stated; nil in verdicts of older versions, and without such claims.
	GPUs *VerdictGPUs `cbor:"10,keyasint,omitempty"`
}

// VerdictGPUs names GPUs by digests of their UUIDs, so that one card under two names is seen.
type VerdictGPUs struct {
	Names     []Digest `cbor:"names"`     // SHA-256("hallmark/gpu-uuid/1" || UUID), sorted, distinct
	Assurance string   `cbor:"assurance"` // of the claims: "asserted", "measured", "hardware"
}

// MaxVerdictGPUs bounds VerdictGPUs.Names.
const MaxVerdictGPUs = 64

func (g *VerdictGPUs) check() error {
	if len(g.Names) > MaxVerdictGPUs {
		return fmt.Errorf("verdict: %d GPUs, limit %d", len(g.Names), MaxVerdictGPUs)
	}
	for i := range g.Names {
		if i > 0 && bytes.Compare(g.Names[i-1][:], g.Names[i][:]) >= 0 {
			return errors.New("verdict: GPUs are not sorted and distinct")
		}
	}
	if !slices.Contains([]string{"asserted", "measured", "hardware"}, g.Assurance) {
		return fmt.Errorf("verdict: assurance %q of GPUs", cut(g.Assurance, 20))
	}
	return nil
}

// VerdictTelemetry is where a chain of telemetry stood in checked evidence.
type VerdictTelemetry struct {
	Genesis  Digest   `cbor:"genesis"`
	BootID   [16]byte `cbor:"boot_id"`
	Began    uint64   `cbor:"began_uptime_ms"` // of the genesis document
	Ordinal  uint64   `cbor:"ordinal"`
	Index    uint64   `cbor:"index"`
	Hash     Digest   `cbor:"hash"`
	Uptime   uint64   `cbor:"uptime_ms"`     // of that record
	Now      uint64   `cbor:"now_uptime_ms"` // when the claims were made
	StoredTo uint64   `cbor:"stored_to"`
}

// VerdictClock is the clock information of a checked quote (TPM 2.0 Part 2, 10.11.1).
type VerdictClock struct {
	AK       Digest `cbor:"ak"`       // digest of the AK's Name
	Clock    uint64 `cbor:"clock_ms"` // powered time since the last TPM2_Clear
	Resets   uint32 `cbor:"resets"`
	Restarts uint32 `cbor:"restarts"`
	Safe     bool   `cbor:"safe"`
	Firmware uint64 `cbor:"firmware_version"`
}

// ParseVerdict decodes and checks a verdict's payload.
func ParseVerdict(b []byte) (*Verdict, error) {
	var v Verdict
	if err := Unmarshal(b, &v, MaxVerdictSize); err != nil {
		return nil, fmt.Errorf("verdict: %w", err)
	}
	switch {
	case v.Profile != Profile:
		return nil, fmt.Errorf("verdict: profile %q", cut(v.Profile, 60))
	case v.Received < v.Sent:
		return nil, errors.New("verdict: received before it was sent")
	case len(v.Tier) > MaxText || len(v.Findings) > MaxAbsences:
		return nil, errors.New("verdict: over a limit")
	case !slices.IsSorted(v.Findings):
		return nil, errors.New("verdict: findings are not sorted")
	}
	if v.GPUs != nil {
		if err := v.GPUs.check(); err != nil {
			return nil, err
		}
	}
	for _, id := range v.Findings {
		if len(id) > MaxText {
			return nil, errors.New("verdict: over a limit")
		}
	}
	return &v, nil
}
