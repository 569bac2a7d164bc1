package attacker

import (
	"context"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/gpu"
)

// editedClaims is an owner with root and his own, properly enrolled TPM. He has it quote the truth, then turns his GPUs
// into newer ones and signs the envelope again: the evidence key is in his memory, so that signature is good.
func editedClaims(ctx context.Context, s *Scene) (Verdict, error) {
	return s.malloryEnrolled(ctx, Plan{AfterTPM: upgradeGPUs})
}

// upgradeGPUs states every GPU as a newer model.
func upgradeGPUs(b *attest.Bound) error {
	return editGPUs(b, func(c *gpu.Claims) error {
		name := "NVIDIA B200"
		for i := range c.GPUs {
			c.GPUs[i].Name = &name
		}
		return nil
	})
}

// editGPUs changes the GPU claims. The result must pass for claims, or the attack would be refused for its bad form.
func editGPUs(b *attest.Bound, edit func(*gpu.Claims) error) error {
	c, err := gpu.Parse(b.Submods[attest.KindGPU])
	if err == nil {
		err = edit(c)
	}
	if err != nil {
		return fmt.Errorf("edit claims: %w", err)
	}
	body, err := attest.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := gpu.Parse(body); err != nil {
		return fmt.Errorf("edit claims: %w", err)
	}
	b.Submods[attest.KindGPU] = body
	return nil
}
