package attacker

import "context"

// debugTD starts the enrolled TD again under debug: same platform, same image, same node
// key. Its host can now read and write its memory, the node key in it too.
func debugTD(ctx context.Context, s *Scene) (Verdict, error) {
	m := s.TD.TD.Measurements()
	m.Attributes |= 1
	return s.tdAttack(ctx, s.TD.TD.Platform.NewTD(m), nil, s.TD.Believe)
}
