package attacker

import (
	"context"

	"github.com/hallmark-attest/hallmark/agent"
)

// foreignTDQuote answers with the genuine quote of another TD on the same platform, over
// another node's report data: what an owner would do who wants one TD to stand for many nodes.
func foreignTDQuote(ctx context.Context, s *Scene) (Verdict, error) {
	other := s.TD.TD.Platform.NewTD(s.TD.TD.Measurements())
	return s.tdAttack(ctx, s.TD.TD, func(td agent.TD) agent.TD { return lentQuote{td, other.Quote([64]byte{1})} }, s.TD.Believe)
}

// lentQuote is a TD that shows somebody else's quote.
type lentQuote struct {
	agent.TD
	quote []byte
}

func (l lentQuote) Quote(context.Context, [64]byte) ([]byte, error) { return l.quote, nil }
