package attacker

import "context"

// foreignAK answers under the enrolled name with a genuine quote, by the attestation key of another genuine TPM: a
// side board, or a second machine of the same owner.
func foreignAK(ctx context.Context, s *Scene) (Verdict, error) { return s.pose(ctx, Plan{}) }
