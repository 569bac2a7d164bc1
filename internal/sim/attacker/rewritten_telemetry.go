package attacker

import (
	"context"
	"fmt"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/attest/telemetry"
	"github.com/hallmark-attest/hallmark/verify"
)

// rewrittenTelemetry answers, changes what its GPUs did before that answer, and answers
// again. The second quote is as genuine as the first; both cannot be of one history.
func rewrittenTelemetry(ctx context.Context, s *Scene) (Verdict, error) {
	file, err := s.enrolMallory(ctx)
	if err != nil {
		return Verdict{}, err
	}
	first, err := s.firstVerdict(ctx, file)
	if err != nil {
		return Verdict{}, err
	}
	return s.withNode(ctx, Plan{BeforeTPM: rewriteTelemetry}, func(url string) (Verdict, error) {
		r, err := s.Validator.challenge(ctx, url, file, &verify.History{Verdicts: []attest.Verdict{first}})
		if err != nil {
			return Verdict{}, err
		}
		return VerdictOf(r), nil
	})
}

// rewriteTelemetry states the head that another last record would give.
func rewriteTelemetry(b *attest.Bound) error {
	c, err := telemetry.Parse(b.Submods[attest.KindTelemetry])
	if err != nil {
		return fmt.Errorf("rewrite telemetry: %w", err)
	}
	if c.Index == 0 {
		return fmt.Errorf("rewrite telemetry: the chain has no record yet")
	}
	before := telemetry.Head{Genesis: c.Head().Genesis, Index: c.Index - 1}
	c.Hash = before.Append([]byte("a record in which the GPUs were busy")).Hash
	body, err := attest.Marshal(c)
	if err != nil {
		return err
	}
	b.Submods[attest.KindTelemetry] = body
	return nil
}
