package attacker

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/verify"
)

// demoRoots shows the honest node's record, good in everything else, to a validator that did not say "unsafe".
func demoRoots(_ context.Context, s *Scene) (Verdict, error) {
	return s.judgeAs(false, verify.Options{At: time.Now(), Asked: verify.TierCommunity})
}
