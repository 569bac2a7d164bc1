package attacker

import (
	"context"
	"time"

	"github.com/hallmark-attest/hallmark/verify"
)

// staleRecord shows an honest record a day later to a validator that asks for five minutes.
func staleRecord(_ context.Context, s *Scene) (Verdict, error) {
	return s.judgeAs(true, verify.Options{At: time.Now().Add(24 * time.Hour), MaxAge: 5 * time.Minute, Asked: verify.TierCommunity})
}
