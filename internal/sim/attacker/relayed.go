package attacker

import "context"

// relayed is a man in the middle: the validator's connection ends at him, under a TLS key of his own, and he forwards
// every byte to the honest node and back. The evidence is fresh, genuine and for this very challenge.
func relayed(ctx context.Context, s *Scene) (Verdict, error) {
	m, err := newMiddle()
	if err != nil {
		return Verdict{}, err
	}
	return m.between(s.Node.URL, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, s.Node.File)
	})
}
