package attacker

import (
	"context"
	"errors"
)

// swappedWeights exchanges the files of the model after enrolment, same names and sizes, and restarts the engine under the
// same declaration: another model behind a good name. The agent is the honest one; it reads what is there.
func swappedWeights(ctx context.Context, s *Scene) (Verdict, error) {
	return s.swapped(ctx, s.Engine.OtherWeights)
}

// swapped exchanges, asks until the agent has read the new files, and puts the honest ones back.
func (s *Scene) swapped(ctx context.Context, exchange func(context.Context) error) (v Verdict, err error) {
	defer func() { err = errors.Join(err, s.Engine.Honest(ctx)) }()
	if err := exchange(ctx); err != nil {
		return Verdict{}, err
	}
	_, _, r, err := s.Validator.AskMeasured(ctx, s.Node.URL, s.Node.File)
	if err != nil {
		return Verdict{}, err
	}
	return VerdictOf(r), nil
}
