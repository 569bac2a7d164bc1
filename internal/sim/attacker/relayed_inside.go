package attacker

import (
	"context"

	"github.com/hallmark-attest/hallmark/attest"
)

// relayedInside is the same with an accomplice: the owner of an enrolled node has it bind and quote the TLS key of the man
// in the middle, so that the key is the one the validator sees. The exporter differs: there are two connections.
func relayedInside(ctx context.Context, s *Scene) (Verdict, error) {
	m, err := newMiddle()
	if err != nil {
		return Verdict{}, err
	}
	file, err := s.enrolMallory(ctx)
	if err != nil {
		return Verdict{}, err
	}
	bindOther := func(b *attest.Bound) error { b.TLSKey = m.key; return nil }
	return s.withNode(ctx, Plan{BeforeTPM: bindOther}, func(node string) (Verdict, error) {
		return m.between(node, func(url string) (Verdict, error) { return s.Validator.challengeAndJudge(ctx, url, file) })
	})
}
