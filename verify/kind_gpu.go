package verify

import (
	"github.com/hallmark-attest/hallmark/gpu"
)

// gpu reads the GPU claims and refuses one GPU stated as several.
func (ap *Appraised) gpu(_ *References, body []byte) (uint64, error) {
	c, err := gpu.Parse(body)
	if err != nil {
		return 0, err
	}
	ap.gpuClaims = c
	seen := map[string]bool{}
	for i := range c.GPUs {
		// Equal serial numbers prove nothing: NVML's are the board's, and a board may carry several GPUs.
		id := c.GPUs[i].UUID
		if id == nil {
			continue
		}
		if seen[*id] {
			ap.findings.bad("gpu.duplicate", "UUID", Asserted, "each GPU once", *id+" twice")
		}
		seen[*id] = true
	}
	return c.ObtainedAt, nil
}
