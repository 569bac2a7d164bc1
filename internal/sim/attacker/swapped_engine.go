package attacker

import "context"

// swappedEngine restarts the engine from another executable of the same name: a build that answers from a cache, say.
func swappedEngine(ctx context.Context, s *Scene) (Verdict, error) {
	return s.swapped(ctx, s.Engine.OtherBinary)
}
