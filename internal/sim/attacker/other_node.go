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

// otherAuthority offers a software TPM under a certificate authority of its maker's own: anybody can make both. This
// validator lists another authority.
func otherAuthority(ctx context.Context, s *Scene) (Verdict, error) {
	return s.withNode(ctx, Plan{}, func(url string) (Verdict, error) {
		_, refused, err := s.Validator.Enroll(ctx, url, s.OtherRoots)
		if err != nil || refused == nil {
			return Verdict{Accepted: err == nil}, err
		}
		return *refused, nil
	})
}
