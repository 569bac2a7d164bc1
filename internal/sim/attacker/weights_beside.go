package attacker

import "context"

// weightsBeside leaves the declared model where it is, untouched, and starts the engine with other weights from elsewhere.
func weightsBeside(ctx context.Context, s *Scene) (Verdict, error) {
	return s.swapped(ctx, s.Engine.WeightsBeside)
}
