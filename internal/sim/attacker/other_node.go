package attacker

import "context"

// otherNode sells one good machine twice: whoever asks for the enrolled node gets fresh, genuine evidence of another host,
// over that host's own connection.
func otherNode(ctx context.Context, s *Scene) (Verdict, error) {
	name, err := s.enrolled()
	if err != nil {
		return Verdict{}, err
	}
	return s.withNode(ctx, Plan{Addressed: name}, func(url string) (Verdict, error) {
		return s.Validator.challengeAndJudge(ctx, url, s.Node.File)
	})
}
