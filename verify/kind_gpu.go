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
	seen := map[string]bool{}
	for i := range c.GPUs {
		d := &c.GPUs[i]
		for what, id := range map[string]*string{"UUID": d.UUID, "serial": d.Serial} {
			if id == nil || *id == "" {
				continue
			}
			if key := what + " " + *id; seen[key] {
				ap.findings.bad("gpu.duplicate", what, Asserted, "each GPU once", *id+" twice")
			} else {
				seen[key] = true
			}
		}
	}
	return c.ObtainedAt, nil
}
