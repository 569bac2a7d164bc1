package attacker

import "context"

// softwareAK goes on where editedClaims fails: the claims are edited first and a quote over the edited ones is invented
// with a key in software. Binding and signature are all right; only the key is nobody's.
func softwareAK(ctx context.Context, s *Scene) (Verdict, error) {
	key, err := newSoftwareKey()
	if err != nil {
		return Verdict{}, err
	}
	return s.pose(ctx, Plan{Key: key, BeforeTPM: upgradeGPUs})
}
