package attacker

import "context"

// staleCollateral has a validator judge the TD by what Intel said of its platform two
// months ago, before it was found to be out of date: whoever hands collateral to a validator
// may choose which.
func staleCollateral(ctx context.Context, s *Scene) (Verdict, error) {
	return s.tdAttack(ctx, s.TD.TD, nil, s.TD.Stale)
}
