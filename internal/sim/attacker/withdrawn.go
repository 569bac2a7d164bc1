package attacker

import "context"

// withdrawn is a node that once showed a TPM and now says, politely and in good form, that it has none: the way out for an
// owner whose registers would tell on him.
func withdrawn(ctx context.Context, s *Scene) (Verdict, error) {
	return s.pose(ctx, Plan{WithoutTPM: true})
}
