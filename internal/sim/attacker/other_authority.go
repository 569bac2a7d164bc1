package attacker

import "context"

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
