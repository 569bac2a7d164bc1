package attacker

import "context"

// inventedClaims is the order of things in which editing succeeds: first lie, then quote. Root on the host controls what the
// agent reads, and the TPM signs the digest of whatever it is given. No check can see it; therefore such claims are
// "asserted", and asserted claims raise no tier.
func inventedClaims(ctx context.Context, s *Scene) (Verdict, error) {
	return s.malloryEnrolled(ctx, Plan{BeforeTPM: upgradeGPUs})
}
