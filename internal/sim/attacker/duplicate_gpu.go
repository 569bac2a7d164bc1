package attacker

import (
	"context"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// duplicateGPU sells one GPU twice within one host: the second is stated with the identity of the first, before the TPM
// quotes it, so that everything else is in order.
func duplicateGPU(ctx context.Context, s *Scene) (Verdict, error) {
	return s.malloryEnrolled(ctx, Plan{BeforeTPM: func(b *attest.Bound) error {
		return editGPUs(b, func(c *gpu.Claims) error {
			if len(c.GPUs) < 2 {
				return fmt.Errorf("%d GPUs, want two", len(c.GPUs))
			}
			c.GPUs[1].UUID, c.GPUs[1].Serial = c.GPUs[0].UUID, c.GPUs[0].Serial
			return nil
		})
	}})
}
