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

// malloryEnrolled enrols Mallory's node while it is honest, shows that it is accepted, and then answers by the plan.
func (s *Scene) malloryEnrolled(ctx context.Context, p Plan) (Verdict, error) {
	var file []byte
	honest, err := s.withNode(ctx, Plan{}, func(url string) (Verdict, error) {
		f, refused, err := s.Validator.Enroll(ctx, url, s.Validator.Roots)
		if err != nil || refused != nil {
			return Verdict{}, fmt.Errorf("the attacker's TPM was not enrolled: %v, %w", refused, err)
		}
		file = f
		return s.Validator.challengeAndJudge(ctx, url, file)
	})
	if err != nil {
		return Verdict{}, err
	}
	if !honest.Accepted {
		return Verdict{}, fmt.Errorf("the attacker's node was not accepted before it lied: %s", honest.Finding)
	}
	return s.withNode(ctx, p, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, file)
	})
}

// upgradeGPUs states every GPU as a newer model with more memory.
func upgradeGPUs(b *attest.Bound) error {
	c, err := gpu.Parse(b.Submods[attest.KindGPU])
	if err != nil {
		return fmt.Errorf("edit claims: %w", err)
	}
	name := "NVIDIA B200"
	for i := range c.GPUs {
		c.GPUs[i].Name = &name
	}
	body, err := attest.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := gpu.Parse(body); err != nil {
		return fmt.Errorf("edit claims: the result would not pass for claims: %w", err)
	}
	b.Submods[attest.KindGPU] = body
	return nil
}
