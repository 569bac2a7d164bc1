package attacker

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/attest"
	"github.com/hallmark-attest/hallmark/verify"
	"github.com/hallmark-attest/hallmark/verify/client"
)

// exchangedRecord hands a live validator, which waits for the answer to a challenge it stored, an older record of its own
// making: everything in it is genuine and in order.
func exchangedRecord(_ context.Context, s *Scene) (Verdict, error) {
	p, err := takeApart(s.Node.Record)
	if err != nil {
		return Verdict{}, err
	}
	c, err := client.NewChallenge(p.bound.UEID, attest.Built(), time.Now())
	if err != nil {
		return Verdict{}, err
	}
	stored, err := client.SignChallenge(s.Validator.Key, c)
	if err != nil {
		return Verdict{}, err
	}
	return s.judgeAs(true, verify.Options{At: time.Now(), Asked: verify.TierCommunity, Stored: stored})
}
